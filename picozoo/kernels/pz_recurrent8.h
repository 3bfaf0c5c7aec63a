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

#if !defined(__AVR__)
/* The same with packed weights (pz_dot.h), in pairs of rows; patch: where the widened x is put. */
typedef struct {
  const pz_u32 *w;
  const pz_i32 *bias;
  const pz_i32 *m;
  const pz_i8 *s;
  pz_u32 *patch;
} pz_row_pairs_args;

/* A row of int16 in the order in which pz_widen puts int8. */
PZ_INLINE void pz_pair16(const pz_i16 *x, pz_u32 *to, int n) {
  for (; n >= 4; n -= 4, x += 4, to += 2) {
    to[0] = pz_words16(x[0], x[2]);
    to[1] = pz_words16(x[1], x[3]);
  }
  if (n > 0) *to++ = pz_words16(x[0], n > 2 ? x[2] : 0);
  if (n > 1) *to = pz_words16(x[1], 0);
}

#define PZ_DEFINE_ROW_PAIRS(name, T, widen)                                                                         \
  PZ_INLINE void name(const T *x, const pz_row_pairs_args q, pz_i16 *gates, int k, int first, int rows, int add) {  \
    const int n = PZ_PATCH_GROUPS(1, k);                                                                            \
    const pz_u32 *w = q.w + first / 2 * n * 4;                                                                      \
    pz_clear_words(q.patch + PZ_ROW_WORDS(k), n * 4 - PZ_ROW_WORDS(k));                                             \
    widen;                                                                                                          \
    for (int r = first; r < first + rows; r += 2, w += n * 4, gates += 2) {                                         \
      int32_t v[2] = {q.bias[r], q.bias[r + 1]};                                                                    \
      pz_mac_1x2(q.patch, w, n, rows / 2, v);                                                                       \
      for (int c = 0; c < 2; ++c) {                                                                                 \
        const int32_t sum = pz_requant(v[c], q.m[r + c], q.s[r + c]) + (add ? gates[c] : 0);                        \
        gates[c] = (pz_i16)pz_clamp(sum, -32768, 32767);                                                            \
      }                                                                                                             \
    }                                                                                                               \
  }

PZ_DEFINE_ROW_PAIRS(pz_row_pairs_i8, pz_i8, pz_widen(x, q.patch, k, 1))
PZ_DEFINE_ROW_PAIRS(pz_row_pairs_i16, pz_i16, pz_pair16(x, q.patch, k))
#endif

#endif
