/* Integers to float: scale * (q - zero). Twin: ops/dequantize.py. */
#ifndef PZ_DEQUANTIZE_H
#define PZ_DEQUANTIZE_H

#include "pz_base.h"

#define PZ_DEFINE_DEQUANTIZE(name, T)                                                 \
  PZ_KERNEL void name(const T *x, pz_f32 *y, int n, float scale, int32_t zero) {      \
    for (int i = 0; i < n; ++i) y[i] = (float)((int32_t)x[i] - zero) * scale;         \
  }

PZ_DEFINE_DEQUANTIZE(pz_dequantize_i8, pz_i8)
PZ_DEFINE_DEQUANTIZE(pz_dequantize_i16, pz_i16)
PZ_DEFINE_DEQUANTIZE(pz_dequantize_i32, pz_i32)

#endif
