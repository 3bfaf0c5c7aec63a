/* Magnitude. Twin: ops/abs.py. */
#ifndef PZ_ABS_H
#define PZ_ABS_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_abs_f32, pz_f32, pz_f32, a < 0 ? -a : a)
PZ_DEFINE_UNARY(pz_abs_i8, pz_i8, pz_i8, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i16, pz_i16, pz_i16, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i32, pz_i32, pz_i32, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i64, pz_i64, pz_i64, a < 0 ? (uint64_t)0 - (uint64_t)a : (uint64_t)a)

#endif
