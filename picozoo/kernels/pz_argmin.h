/* Index of the smallest of n in (outer, n, inner); the first of equals. Twin: ops/argmin.py. */
#ifndef PZ_ARGMIN_H
#define PZ_ARGMIN_H

#include "pz_base.h"

#define PZ_DEFINE_ARGMIN(name, T)                                            \
  PZ_KERNEL void name(const T *x, pz_i64 *y, int outer, int n, int inner) {  \
    for (int o = 0; o < outer; ++o, x += n * inner)                          \
      for (int i = 0; i < inner; ++i) {                                      \
        int best = 0;                                                        \
        for (int k = 1; k < n; ++k)                                          \
          if (x[k * inner + i] < x[best * inner + i]) best = k;              \
        *y++ = best;                                                         \
      }                                                                      \
  }

PZ_DEFINE_ARGMIN(pz_argmin_f32, pz_f32)
PZ_DEFINE_ARGMIN(pz_argmin_i8, pz_i8)
PZ_DEFINE_ARGMIN(pz_argmin_u8, pz_u8)
PZ_DEFINE_ARGMIN(pz_argmin_i16, pz_i16)
PZ_DEFINE_ARGMIN(pz_argmin_i32, pz_i32)
PZ_DEFINE_ARGMIN(pz_argmin_i64, pz_i64)

#endif
