/* y[batch][m][n] = a[batch][m][k] x b[batch][k][n]; integers wrap around. Twin: ops/matmul.py. */
#ifndef PZ_MATMUL_H
#define PZ_MATMUL_H

#include "pz_base.h"

#define PZ_DEFINE_MATMUL(name, T, S)                                                                  \
  PZ_KERNEL void name(const T *a, const T *b, T *y, int batch, int m, int k, int n) {                 \
    for (int p = 0; p < batch; ++p, b += k * n)                                                       \
      for (int i = 0; i < m; ++i, a += k)                                                             \
        for (int j = 0; j < n; ++j) {                                                                 \
          S s = 0;                                                                                    \
          for (int l = 0; l < k; ++l) s += (S)a[l] * (S)b[l * n + j];                                 \
          *y++ = (T)s;                                                                                \
        }                                                                                             \
  }

PZ_DEFINE_MATMUL(pz_matmul_f32, pz_f32, float)
PZ_DEFINE_MATMUL(pz_matmul_i8, pz_i8, uint32_t)
PZ_DEFINE_MATMUL(pz_matmul_i16, pz_i16, uint32_t)
PZ_DEFINE_MATMUL(pz_matmul_i32, pz_i32, uint32_t)

#endif
