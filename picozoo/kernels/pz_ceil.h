/* Nearest whole number above. Twin: ops/ceil.py. */
#ifndef PZ_CEIL_H
#define PZ_CEIL_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_ceil_f32, pz_f32, pz_f32, -pz_floorf(-a))

#endif
