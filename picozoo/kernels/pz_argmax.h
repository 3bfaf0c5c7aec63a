/* Index of the largest of n in (outer, n, inner); the first of equals. Twin: ops/argmax.py. */
#ifndef PZ_ARGMAX_H
#define PZ_ARGMAX_H

#include "pz_base.h"

#define PZ_DEFINE_ARGMAX(name, T)                                            \
  PZ_KERNEL void name(const T *x, pz_i64 *y, int outer, int n, int inner) {  \
    for (int o = 0; o < outer; ++o, x += n * inner)                          \
      for (int i = 0; i < inner; ++i) {                                      \
        int best = 0;                                                        \
        for (int k = 1; k < n; ++k)                                          \
          if (x[k * inner + i] > x[best * inner + i]) best = k;              \
        *y++ = best;                                                         \
      }                                                                      \
  }

PZ_DEFINE_ARGMAX(pz_argmax_f32, pz_f32)
PZ_DEFINE_ARGMAX(pz_argmax_i8, pz_i8)
PZ_DEFINE_ARGMAX(pz_argmax_u8, pz_u8)
PZ_DEFINE_ARGMAX(pz_argmax_i16, pz_i16)
PZ_DEFINE_ARGMAX(pz_argmax_i32, pz_i32)
PZ_DEFINE_ARGMAX(pz_argmax_i64, pz_i64)

#endif
