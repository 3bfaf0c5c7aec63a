/* 1 / sqrt(x). Twin: ops/rsqrt.py. */
#ifndef PZ_RSQRT_H
#define PZ_RSQRT_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_rsqrt_f32, pz_f32, pz_f32, 1.0f / pz_sqrtf(a))

#endif
