/* Angle in radians whose tangent is x. Twin: ops/atan.py. */
#ifndef PZ_ATAN_H
#define PZ_ATAN_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_atan_f32, pz_f32, pz_f32, pz_atanf(a))

#endif
