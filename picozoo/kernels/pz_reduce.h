/* Reduction of (outer, n, inner) to (outer, inner): s starts as `start` and takes in v = x[k] for k from `first`. */
#ifndef PZ_REDUCE_H
#define PZ_REDUCE_H

#include "pz_base.h"

#define PZ_DEFINE_REDUCE_TO(name, T, TY, S, start, first, step)              \
  PZ_KERNEL void name(const T *x, TY *y, int outer, int n, int inner) {      \
    for (int o = 0; o < outer; ++o, x += n * inner)                          \
      for (int i = 0; i < inner; ++i) {                                      \
        const T *column = x + i;                                             \
        S s = (S)(start);                                                    \
        for (int k = first; k < n; ++k) {                                    \
          const S v = (S)column[k * inner];                                  \
          s = (S)(step);                                                     \
        }                                                                    \
        *y++ = (TY)s;                                                        \
      }                                                                      \
  }

#define PZ_DEFINE_REDUCE(name, T, S, start, first, step) PZ_DEFINE_REDUCE_TO(name, T, T, S, start, first, step)

#endif
