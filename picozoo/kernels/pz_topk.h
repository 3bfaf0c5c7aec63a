/* The k best of n in (outer, n, inner), best first, by selection: the next best is the best of those after the last one
   in the order (value, place). k * n comparisons and no working memory. Twin: ops/topk.py. */
#ifndef PZ_TOPK_H
#define PZ_TOPK_H

#include "pz_base.h"

#define PZ_DEFINE_TOPK(name, T)                                                                               \
  PZ_KERNEL void name(const T *x, T *y, pz_i64 *places, int outer, int n, int inner, int k, int largest) {    \
    for (int o = 0; o < outer; ++o, x += n * inner, y += k * inner, places += k * inner)                      \
      for (int i = 0; i < inner; ++i) {                                                                       \
        int last = -1;                                                                                        \
        for (int j = 0; j < k; ++j) {                                                                         \
          int best = -1;                                                                                      \
          for (int m = 0; m < n; ++m) {                                                                       \
            const T v = x[m * inner + i];                                                                     \
            if (last >= 0) {                                                                                  \
              const T w = x[last * inner + i];                                                                \
              if (m == last || (largest ? v > w : v < w) || (v == w && m < last)) continue;                   \
            }                                                                                                 \
            if (best < 0 || (largest ? v > x[best * inner + i] : v < x[best * inner + i])) best = m;          \
          }                                                                                                   \
          if (best < 0) best = last < 0 ? 0 : last; /* only where numbers do not compare (NaN) */             \
          y[j * inner + i] = x[best * inner + i];                                                             \
          places[j * inner + i] = best;                                                                       \
          last = best;                                                                                        \
        }                                                                                                     \
      }                                                                                                       \
  }

PZ_DEFINE_TOPK(pz_topk_f32, pz_f32)
PZ_DEFINE_TOPK(pz_topk_i8, pz_i8)
PZ_DEFINE_TOPK(pz_topk_u8, pz_u8)
PZ_DEFINE_TOPK(pz_topk_i16, pz_i16)
PZ_DEFINE_TOPK(pz_topk_i32, pz_i32)
PZ_DEFINE_TOPK(pz_topk_i64, pz_i64)

#endif
