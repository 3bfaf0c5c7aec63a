/* Sum over dimensions; integers wrap around. Twin: ops/sum.py. */
#ifndef PZ_SUM_H
#define PZ_SUM_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE_TO(pz_sum_f32_f32, pz_f32, pz_f32, float, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i8_i32, pz_i8, pz_i32, uint32_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i8_i64, pz_i8, pz_i64, uint64_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_u8_i32, pz_u8, pz_i32, uint32_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_u8_i64, pz_u8, pz_i64, uint64_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_bool_i32, pz_bool, pz_i32, uint32_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_bool_i64, pz_bool, pz_i64, uint64_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i16_i32, pz_i16, pz_i32, uint32_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i16_i64, pz_i16, pz_i64, uint64_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i32_i32, pz_i32, pz_i32, uint32_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i32_i64, pz_i32, pz_i64, uint64_t, 0, 0, s + v)
PZ_DEFINE_REDUCE_TO(pz_sum_i64_i64, pz_i64, pz_i64, uint64_t, 0, 0, s + v)

#endif
