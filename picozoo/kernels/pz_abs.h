/* Magnitude. Twin: ops/abs.py. */
#ifndef PZ_ABS_H
#define PZ_ABS_H

#include "pz_fixed.h"
#include "pz_map.h"

PZ_DEFINE_UNARY(pz_abs_f32, pz_f32, pz_f32, a < 0 ? -a : a)
PZ_DEFINE_UNARY(pz_abs_i8, pz_i8, pz_i8, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i16, pz_i16, pz_i16, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i32, pz_i32, pz_i32, a < 0 ? 0u - (uint32_t)a : (uint32_t)a)
PZ_DEFINE_UNARY(pz_abs_i64, pz_i64, pz_i64, a < 0 ? (uint64_t)0 - (uint64_t)a : (uint64_t)a)

/* Quantised, zero points 0. */
PZ_KERNEL void pz_abs_q16(const pz_i16 *x, pz_i16 *y, int n, int32_t m, int shift) {
  for (int i = 0; i < n; ++i) y[i] = (pz_i16)pz_clamp(pz_requant(x[i] < 0 ? -x[i] : x[i], m, shift), -32768, 32767);
}

#endif
