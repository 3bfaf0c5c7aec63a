/* Softmax and its logarithm over n of (outer, n, inner); the output may be the input. Twin: ops/softmax.py. */
#ifndef PZ_SOFTMAX_H
#define PZ_SOFTMAX_H

#include "pz_math.h"

PZ_INLINE float pz_column_max(const pz_f32 *x, int n, int inner) {
  float top = x[0];
  for (int k = 1; k < n; ++k)
    if (x[k * inner] > top) top = x[k * inner];
  return top;
}

PZ_KERNEL void pz_softmax_f32(const pz_f32 *x, pz_f32 *y, int outer, int n, int inner) {
  for (int o = 0; o < outer; ++o)
    for (int i = 0; i < inner; ++i) {
      const pz_f32 *a = x + o * n * inner + i;
      pz_f32 *b = y + o * n * inner + i;
      const float top = pz_column_max(a, n, inner);
      float total = 0.0f;
      for (int k = 0; k < n; ++k) {
        const float e = pz_expf(a[k * inner] - top);
        b[k * inner] = e;
        total += e;
      }
      for (int k = 0; k < n; ++k) b[k * inner] /= total;
    }
}

PZ_KERNEL void pz_log_softmax_f32(const pz_f32 *x, pz_f32 *y, int outer, int n, int inner) {
  for (int o = 0; o < outer; ++o)
    for (int i = 0; i < inner; ++i) {
      const pz_f32 *a = x + o * n * inner + i;
      pz_f32 *b = y + o * n * inner + i;
      const float top = pz_column_max(a, n, inner);
      float total = 0.0f;
      for (int k = 0; k < n; ++k) total += pz_expf(a[k * inner] - top);
      total = pz_logf(total);
      for (int k = 0; k < n; ++k) b[k * inner] = a[k * inner] - top - total;
    }
}

#endif
