/* Square root. Twin: ops/sqrt.py. */
#ifndef PZ_SQRT_H
#define PZ_SQRT_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_sqrt_f32, pz_f32, pz_f32, pz_sqrtf(a))

#endif
