/* -x. Twin: ops/neg.py. */
#ifndef PZ_NEG_H
#define PZ_NEG_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_neg_f32, pz_f32, pz_f32, -a)
PZ_DEFINE_UNARY(pz_neg_i8, pz_i8, pz_i8, 0u - (uint32_t)a)
PZ_DEFINE_UNARY(pz_neg_i16, pz_i16, pz_i16, 0u - (uint32_t)a)
PZ_DEFINE_UNARY(pz_neg_i32, pz_i32, pz_i32, 0u - (uint32_t)a)
PZ_DEFINE_UNARY(pz_neg_i64, pz_i64, pz_i64, (uint64_t)0 - (uint64_t)a)

#endif
