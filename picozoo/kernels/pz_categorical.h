/* y[r] = an index of row r of x (rows, k) with a chance in proportion to its weight; weights that are not positive
   count as 0, a row without any gives 0. Sums of int32 at most 2^31 - 1. next may be state. Twin: ops/categorical.py. */
#ifndef PZ_CATEGORICAL_H
#define PZ_CATEGORICAL_H

#include "pz_chance.h"

#define PZ_DEFINE_CATEGORICAL(name, T, S, MARK)                                                    \
  PZ_KERNEL void name(const pz_i32 *state, const T *x, pz_i32 *y, pz_i32 *next, int rows, int k) { \
    pz_chance_t s;                                                                                 \
    pz_chance_open(&s, state);                                                                     \
    for (int r = 0; r < rows; ++r, x += k) {                                                       \
      S sum = 0, mark;                                                                             \
      int at = 0;                                                                                  \
      for (int i = 0; i < k; ++i)                                                                  \
        if (x[i] > 0) sum = sum + (S)x[i];                                                         \
      uint32_t word = pz_chance_word(&s);                                                          \
      mark = MARK(word, sum);                                                                      \
      sum = 0;                                                                                     \
      for (int i = 0; i < k; ++i)                                                                  \
        if (x[i] > 0) {                                                                            \
          at = i; /* the last one, should rounding let none pass the mark */                       \
          sum = sum + (S)x[i];                                                                     \
          if (sum > mark) break;                                                                   \
        }                                                                                          \
      y[r] = at;                                                                                   \
    }                                                                                              \
    pz_chance_close(&s, next);                                                                     \
  }

#define PZ_CATEGORICAL_REAL(word, sum) (pz_chance_unit(word) * (sum))
PZ_DEFINE_CATEGORICAL(pz_categorical_f32, pz_f32, float, PZ_CATEGORICAL_REAL)
PZ_DEFINE_CATEGORICAL(pz_categorical_i32, pz_i32, uint32_t, pz_chance_high)

#endif
