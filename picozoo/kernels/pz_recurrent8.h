/* What the recurrent kernels in integers share. Used by gru, rnn. Twin: ops/_recurrent.py. */
#ifndef PZ_RECURRENT8_H
#define PZ_RECURRENT8_H

#include "pz_lstm_cell.h"
#include "pz_recurrent.h"

/* int8 rows of weights, their biases, and the factor and shift of each. */
typedef struct {
  const pz_i8 PZ_FLASH *w;
  const pz_i32 PZ_FLASH *bias;
  const pz_i32 PZ_FLASH *m;
  const pz_i8 PZ_FLASH *s;
} pz_rows_args;

/* gates[0 ... rows - 1] = saturate(rows from `first` on times x, plus what is there if `add`). */
#define PZ_DEFINE_ROWS(name, T)                                                                                 \
  PZ_INLINE void name(const T *x, const pz_rows_args q, pz_i16 *gates, int k, int first, int rows, int add) {   \
    const pz_i8 PZ_FLASH *w = q.w + first * k;                                                                  \
    for (int r = first; r < first + rows; ++r, ++gates) {                                                       \
      int32_t v = q.bias[r];                                                                                    \
      for (int i = 0; i < k; ++i) v += (int32_t)x[i] * *w++;                                                    \
      *gates = (pz_i16)pz_clamp(pz_requant(v, q.m[r], q.s[r]) + (add ? *gates : 0), -32768, 32767);             \
    }                                                                                                           \
  }

PZ_DEFINE_ROWS(pz_rows_i8, pz_i8)
PZ_DEFINE_ROWS(pz_rows_i16, pz_i16)

#endif
