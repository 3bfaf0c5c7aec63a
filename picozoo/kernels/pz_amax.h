/* Largest element over dimensions. Twin: ops/amax.py. */
#ifndef PZ_AMAX_H
#define PZ_AMAX_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE(pz_amax_f32, pz_f32, pz_f32, column[0], 1, v > s ? v : s)
PZ_DEFINE_REDUCE(pz_amax_i8, pz_i8, pz_i8, column[0], 1, v > s ? v : s)
PZ_DEFINE_REDUCE(pz_amax_u8, pz_u8, pz_u8, column[0], 1, v > s ? v : s)
PZ_DEFINE_REDUCE(pz_amax_i16, pz_i16, pz_i16, column[0], 1, v > s ? v : s)
PZ_DEFINE_REDUCE(pz_amax_i32, pz_i32, pz_i32, column[0], 1, v > s ? v : s)
PZ_DEFINE_REDUCE(pz_amax_i64, pz_i64, pz_i64, column[0], 1, v > s ? v : s)

#endif
