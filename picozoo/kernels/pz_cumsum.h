/* Running sum over n of (outer, n, inner); y may be x. Twin: ops/cumsum.py. */
#ifndef PZ_CUMSUM_H
#define PZ_CUMSUM_H

#include "pz_base.h"

#define PZ_DEFINE_CUMSUM(name, T, S)                                                                    \
  PZ_KERNEL void name(const T *x, T *y, int outer, int n, int inner, int exclusive, int reverse) {      \
    for (int o = 0; o < outer; ++o, x += n * inner, y += n * inner)                                     \
      for (int i = 0; i < inner; ++i) {                                                                 \
        S s = 0;                                                                                        \
        for (int k = 0; k < n; ++k) {                                                                   \
          const int at = (reverse ? n - 1 - k : k) * inner + i;                                         \
          const S v = (S)x[at];                                                                         \
          y[at] = (T)(exclusive ? s : s + v);                                                           \
          s += v;                                                                                       \
        }                                                                                               \
      }                                                                                                 \
  }

PZ_DEFINE_CUMSUM(pz_cumsum_f32, pz_f32, float)
PZ_DEFINE_CUMSUM(pz_cumsum_i32, pz_i32, uint32_t)
PZ_DEFINE_CUMSUM(pz_cumsum_i64, pz_i64, uint64_t)

#endif
