/* Tangent of radians. Twin: ops/tan.py. */
#ifndef PZ_TAN_H
#define PZ_TAN_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_tan_f32, pz_f32, pz_f32, pz_tanf(a))

#endif
