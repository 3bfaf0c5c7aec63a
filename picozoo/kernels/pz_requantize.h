/* Integers to integers of another scale: (x - zx) * m * 2^(shift - 31) + zy, limited to [lo, hi]. x and y may be the same
   memory if their types are. Twin: ops/requantize.py. */
#ifndef PZ_REQUANTIZE_H
#define PZ_REQUANTIZE_H

#include "pz_fixed.h"

#define PZ_DEFINE_REQUANTIZE(name, TX, TY)                                                                            \
  PZ_KERNEL void name(const TX *x, TY *y, int n, int32_t m, int shift, int32_t zx, int32_t zy, int32_t lo, int32_t hi) { \
    for (int i = 0; i < n; ++i) y[i] = (TY)pz_clamp(pz_requant((int32_t)x[i] - zx, m, shift) + zy, lo, hi);            \
  }

PZ_DEFINE_REQUANTIZE(pz_requantize_i8_i8, pz_i8, pz_i8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i8_u8, pz_i8, pz_u8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i8_i16, pz_i8, pz_i16)
PZ_DEFINE_REQUANTIZE(pz_requantize_i8_i32, pz_i8, pz_i32)
PZ_DEFINE_REQUANTIZE(pz_requantize_u8_i8, pz_u8, pz_i8)
PZ_DEFINE_REQUANTIZE(pz_requantize_u8_u8, pz_u8, pz_u8)
PZ_DEFINE_REQUANTIZE(pz_requantize_u8_i16, pz_u8, pz_i16)
PZ_DEFINE_REQUANTIZE(pz_requantize_u8_i32, pz_u8, pz_i32)
PZ_DEFINE_REQUANTIZE(pz_requantize_i16_i8, pz_i16, pz_i8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i16_u8, pz_i16, pz_u8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i16_i16, pz_i16, pz_i16)
PZ_DEFINE_REQUANTIZE(pz_requantize_i16_i32, pz_i16, pz_i32)
PZ_DEFINE_REQUANTIZE(pz_requantize_i32_i8, pz_i32, pz_i8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i32_u8, pz_i32, pz_u8)
PZ_DEFINE_REQUANTIZE(pz_requantize_i32_i16, pz_i32, pz_i16)
PZ_DEFINE_REQUANTIZE(pz_requantize_i32_i32, pz_i32, pz_i32)

#endif
