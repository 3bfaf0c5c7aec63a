/* Sum over dimensions; integers wrap around. Twin: ops/sum.py. */
#ifndef PZ_SUM_H
#define PZ_SUM_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE(pz_sum_f32, pz_f32, float, 0, 0, s + (float)v)
PZ_DEFINE_REDUCE(pz_sum_i32, pz_i32, uint32_t, 0, 0, s + (uint32_t)v)
PZ_DEFINE_REDUCE(pz_sum_i64, pz_i64, uint64_t, 0, 0, s + (uint64_t)v)

#endif
