/* a to the power b, float only. Twin: ops/pow.py. */
#ifndef PZ_POW_H
#define PZ_POW_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_BINARY(pz_pow_f32, pz_f32, pz_f32, pz_powf(a, b))

#endif
