/* y[o][j][i] = sum over t of w[j][t] * x[o][place[j][t]][i]; x: [outer][n][inner], m outputs. Twin: ops/resample.py. */
#ifndef PZ_RESAMPLE_H
#define PZ_RESAMPLE_H

#include "pz_base.h"

#define PZ_DEFINE_RESAMPLE(name, I)                                                                              \
  PZ_KERNEL void name(const pz_f32 *x, const I PZ_FLASH *place, const pz_f32 PZ_FLASH *w, pz_f32 *y, int outer,  \
                      int n, int inner, int m, int taps) {                                                       \
    for (int o = 0; o < outer; ++o, x += n * inner)                                                              \
      for (int j = 0; j < m; ++j)                                                                                \
        for (int i = 0; i < inner; ++i) {                                                                        \
          float s = 0.0f;                                                                                        \
          for (int t = 0; t < taps; ++t) {                                                                       \
            const int p = (int)place[j * taps + t];                                                              \
            s += w[j * taps + t] * x[(p < 0 ? 0 : p >= n ? n - 1 : p) * inner + i];                              \
          }                                                                                                      \
          *y++ = s;                                                                                              \
        }                                                                                                        \
  }

PZ_DEFINE_RESAMPLE(pz_resample_i16, pz_i16)
PZ_DEFINE_RESAMPLE(pz_resample_i32, pz_i32)

#endif
