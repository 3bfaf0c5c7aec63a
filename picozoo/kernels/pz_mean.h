/* Mean of (outer, n, inner) over n. Twin: ops/mean.py. */
#ifndef PZ_MEAN_H
#define PZ_MEAN_H

#include "pz_fixed.h"

PZ_KERNEL void pz_mean_f32(const pz_f32 *x, pz_f32 *y, int outer, int n, int inner) {
  for (int o = 0; o < outer; ++o, x += n * inner)
    for (int i = 0; i < inner; ++i) {
      float s = 0.0f;
      for (int k = 0; k < n; ++k) s += x[k * inner + i];
      *y++ = s / (float)n;
    }
}

/* nz = n * zero point of x; multiplier and shift stand for scale_x / (scale_y * n). */
#define PZ_DEFINE_MEAN(name, T, lo, hi)                                                                                  \
  PZ_KERNEL void name(const T *x, T *y, int outer, int n, int inner, int32_t nz, int32_t multiplier, int shift,        \
                      int32_t zero) {                                                                                    \
    for (int o = 0; o < outer; ++o, x += n * inner)                                                                      \
      for (int i = 0; i < inner; ++i) {                                                                                  \
        int32_t s = -nz;                                                                                                 \
        for (int k = 0; k < n; ++k) s += x[k * inner + i];                                                               \
        *y++ = (T)pz_clamp(pz_requant(s, multiplier, shift) + zero, lo, hi);                                             \
      }                                                                                                                  \
  }

PZ_DEFINE_MEAN(pz_mean_i8, pz_i8, -128, 127)
PZ_DEFINE_MEAN(pz_mean_i16, pz_i16, -32768, 32767)

#endif
