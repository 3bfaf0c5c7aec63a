/* y[i][j] = x[i][j] + a[i] b[j]; y may be x; integers wrap around. Twin: ops/addr.py. */
#ifndef PZ_ADDR_H
#define PZ_ADDR_H

#include "pz_base.h"

#define PZ_DEFINE_ADDR(name, T, S)                                             \
  PZ_KERNEL void name(const T *x, const T *a, const T *b, T *y, int n, int m) { \
    for (int i = 0; i < n; ++i)                                                \
      for (int j = 0; j < m; ++j, ++x, ++y) *y = (T)((S)*x + (S)a[i] * (S)b[j]); \
  }

PZ_DEFINE_ADDR(pz_addr_f32, pz_f32, float)
PZ_DEFINE_ADDR(pz_addr_i8, pz_i8, uint32_t)
PZ_DEFINE_ADDR(pz_addr_i16, pz_i16, uint32_t)
PZ_DEFINE_ADDR(pz_addr_i32, pz_i32, uint32_t)

#endif
