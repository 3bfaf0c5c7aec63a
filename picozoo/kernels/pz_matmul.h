/* y[batch][m][n] = a[batch][m][k] x b[batch][k][n]; integers wrap around. Twin: ops/matmul.py. */
#ifndef PZ_MATMUL_H
#define PZ_MATMUL_H

#include "pz_fixed.h"

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

/* Sums of a row of k values, less za, times `columns` columns of b that begin at j; n: from one row of b to the next. */
#define PZ_MATMUL_COLUMNS(columns)                                   \
  int32_t s[columns];                                                \
  for (int c = 0; c < columns; ++c) s[c] = start;                    \
  for (int l = 0; l < k; ++l) {                                      \
    const int32_t v = a[l] - za;                                     \
    const pz_i8 *const w = b + l * n + j;                            \
    for (int c = 0; c < columns; ++c) s[c] += v * w[c];              \
  }                                                                  \
  for (int c = 0; c < columns; ++c) *y++ = (pz_i8)pz_clamp(pz_requant(s[c], multiplier, shift) + zy, -128, 127);

/* Quantised: zero points of a, b and y, factor and shift to the output. That of b counts once for each row of a. */
PZ_KERNEL void pz_matmul_q8(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int batch, int m, int k, int n, int32_t za, int32_t zb,
                            int32_t zy, int32_t multiplier, int shift) {
  for (int p = 0; p < batch; ++p, b += k * n)
    for (int i = 0; i < m; ++i, a += k) {
      int32_t start = 0;
      for (int l = 0; l < k; ++l) start -= (a[l] - za) * zb;
      int j = 0;
      for (; j + 4 <= n; j += 4) {
        PZ_MATMUL_COLUMNS(4)
      }
      for (; j < n; ++j) {
        PZ_MATMUL_COLUMNS(1)
      }
    }
}

/* int16, zero points 0, a factor of 16 bits. */
PZ_KERNEL void pz_matmul_q16(const pz_i16 *a, const pz_i16 *b, pz_i16 *y, int batch, int m, int k, int n, int32_t za, int32_t zb,
                             int32_t zy, int32_t multiplier, int shift) {
  (void)za, (void)zb, (void)zy;
  for (int p = 0; p < batch; ++p, b += k * n)
    for (int i = 0; i < m; ++i, a += k)
      for (int j = 0; j < n; ++j) {
        int64_t s = 0;
        for (int l = 0; l < k; ++l) s += (int32_t)a[l] * b[l * n + j];
        *y++ = (pz_i16)pz_clamp(pz_requant_long(s, multiplier, shift), -32768, 32767);
      }
}

#endif
