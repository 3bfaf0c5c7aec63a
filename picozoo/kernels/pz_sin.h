/* Sine, radians. Twin: ops/sin.py. */
#ifndef PZ_SIN_H
#define PZ_SIN_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_sin_f32, pz_f32, pz_f32, pz_sinf(a))

#endif
