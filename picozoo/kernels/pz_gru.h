/* GRU over a sequence; gates z, r, h. x: [n][t][k], or [t][n][k] if major, y likewise; h: [n][units]; w: [3 units][k], r:
   [3 units][units]. h may be h0. Twin: ops/gru.py. */
#ifndef PZ_GRU_H
#define PZ_GRU_H

#include "pz_recurrent8.h"

/* s: 3 units values of working memory. */
PZ_KERNEL void pz_gru_f32(const pz_f32 *x, const pz_f32 *h0, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *r,
                          const pz_f32 PZ_FLASH *b, const pz_f32 PZ_FLASH *rb, pz_f32 *y, pz_f32 *h, pz_f32 *s, int n, int t,
                          int k, int units, int major, int back, int after, float clip) {
  const pz_f32 PZ_FLASH *last = r + 2 * units * units;
  pz_f32 *const z = s, *const reset = s + units, *const u = s + 2 * units;
  for (int i = 0; i < n * units; ++i) h[i] = h0[i];
  for (int j = 0; j < n; ++j, h += units)
    for (int step = 0; step < t; ++step) {
      const int at = pz_step_at(j, step, n, t, major, back);
      pz_recurrent_rows(x + at * k, w, b, s, 3 * units, k, 0);
      pz_recurrent_rows(h, r, rb, s, 2 * units, units, 1);
      for (int i = 0; i < 2 * units; ++i) s[i] = pz_sigmoidf(pz_clipf(s[i], clip));
      for (int i = 0; i < units; ++i) {
        float v = rb[2 * units + i];
        for (int m = 0; m < units; ++m) v += last[i * units + m] * (after ? h[m] : reset[m] * h[m]);
        u[i] = pz_tanhf(pz_clipf(u[i] + (after ? reset[i] * v : v), clip));
      }
      for (int i = 0; i < units; ++i) y[at * units + i] = h[i] = (1.0f - z[i]) * u[i] + z[i] * h[i];
    }
}

/* s: 4 units values; the state has `bits` fraction bits; m, shift, zero: from it to y; table: see pz_lstm_cell.h. */
#define PZ_DEFINE_GRU(name, T, A, rows, rows16, lo, hi)                                                                                  \
  PZ_KERNEL void name(const T *x, const pz_i16 *h0, const A w, const A r,                               \
                      const uint16_t PZ_FLASH *table, T *y, pz_i16 *h, pz_i16 *s, int n, int t, int k, int units, int major,  \
                      int back, int after, int bits, int32_t m, int shift, int32_t zero) {                                    \
    pz_i16 *const reset = s + units, *const u = s + 2 * units, *const inner = s + 3 * units;                                  \
    for (int i = 0; i < n * units; ++i) h[i] = h0[i];                                                                         \
    for (int j = 0; j < n; ++j, h += units)                                                                                   \
      for (int step = 0; step < t; ++step) {                                                                                  \
        const int at = pz_step_at(j, step, n, t, major, back);                                                                \
        rows(x + at * k, w, s, k, 0, 3 * units, 0);                                                                           \
        rows16(h, r, s, units, 0, 2 * units, 1);                                                                         \
        if (after) rows16(h, r, inner, units, 2 * units, units, 0);                                                      \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t v = pz_round_shift(pz_sigmoid_q15(reset[i], table) * (after ? inner[i] : h[i]), 15);                  \
          if (after) u[i] = (pz_i16)pz_clamp(u[i] + v, -32768, 32767);                                                        \
          else inner[i] = (pz_i16)v;                                                                                          \
        }                                                                                                                     \
        if (!after) rows16(inner, r, u, units, 2 * units, units, 1);                                                     \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t keep = pz_sigmoid_q15(s[i], table);                                                                   \
          int32_t v = pz_round_shift((32768 - keep) * pz_tanh_q15(u[i], table), 30 - bits);                                   \
          v = pz_clamp(v + pz_round_shift(keep * h[i], 15), -32768, 32767);                                                   \
          h[i] = (pz_i16)v;                                                                                                   \
          y[at * units + i] = (T)pz_clamp(pz_requant(v, m, shift) + zero, lo, hi);                                            \
        }                                                                                                                     \
      }                                                                                                                       \
  }

PZ_DEFINE_GRU(pz_gru_i8, pz_i8, pz_rows_args, pz_rows_i8, pz_rows_i16, -128, 127)
PZ_DEFINE_GRU(pz_gru_i16, pz_i16, pz_rows_args, pz_rows_i16, pz_rows_i16, -32768, 32767)
#if !defined(__AVR__)
PZ_DEFINE_GRU(pz_gru_i8_pair, pz_i8, pz_row_pairs_args, pz_row_pairs_i8, pz_row_pairs_i16, -128, 127)
PZ_DEFINE_GRU(pz_gru_i16_pair, pz_i16, pz_row_pairs_args, pz_row_pairs_i16, pz_row_pairs_i16, -32768, 32767)
#endif

#endif
