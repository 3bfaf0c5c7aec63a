/* Plain recurrent layer over a sequence. x: [n][t][k], or [t][n][k] if major, y likewise; h: [n][units]; w: [units][k],
   r: [units][units]. h may be h0. s: units values of working memory. Twin: ops/rnn.py. */
#ifndef PZ_RNN_H
#define PZ_RNN_H

#include "pz_gate.h"
#include "pz_recurrent8.h"

PZ_KERNEL void pz_rnn_f32(const pz_f32 *x, const pz_f32 *h0, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *r,
                          const pz_f32 PZ_FLASH *b, pz_f32 *y, pz_f32 *h, pz_f32 *s, int n, int t, int k, int units, int major,
                          int back, float clip, int f, float fa, float fb) {
  for (int i = 0; i < n * units; ++i) h[i] = h0[i];
  for (int j = 0; j < n; ++j, h += units)
    for (int step = 0; step < t; ++step) {
      const int at = pz_step_at(j, step, n, t, major, back);
      pz_recurrent_rows(x + at * k, w, b, s, units, k, 0);
      pz_recurrent_rows(h, r, NULL, s, units, units, 1);
      for (int i = 0; i < units; ++i) h[i] = y[at * units + i] = pz_gatef(pz_clipf(s[i], clip), f, fa, fb);
    }
}

/* The state has `bits` fraction bits; m, shift, zero: from it to y; f: the function of the sums. */
#define PZ_DEFINE_RNN(name, T, A, rows, rows16, lo, hi)                                                                       \
  PZ_KERNEL void name(const T *x, const pz_i16 *h0, const A w, const A r, const pz_gate_args f, T *y, pz_i16 *h, pz_i16 *s,   \
                      int n, int t, int k, int units, int major, int back, int bits, int32_t m, int shift, int32_t zero) {    \
    for (int i = 0; i < n * units; ++i) h[i] = h0[i];                                                                         \
    for (int j = 0; j < n; ++j, h += units)                                                                                   \
      for (int step = 0; step < t; ++step) {                                                                                  \
        const int at = pz_step_at(j, step, n, t, major, back);                                                                \
        rows(x + at * k, w, s, k, 0, units, 0);                                                                               \
        rows16(h, r, s, units, 0, units, 1);                                                                                  \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t v = pz_rescale(pz_gate(s[i], f), f.out, bits);                                                        \
          h[i] = (pz_i16)v;                                                                                                   \
          y[at * units + i] = (T)pz_clamp(pz_requant(v, m, shift) + zero, lo, hi);                                            \
        }                                                                                                                     \
      }                                                                                                                       \
  }

PZ_DEFINE_RNN(pz_rnn_i8, pz_i8, pz_rows_args, pz_rows_i8, pz_rows_i16, -128, 127)
PZ_DEFINE_RNN(pz_rnn_i16, pz_i16, pz_rows_args, pz_rows_i16, pz_rows_i16, -32768, 32767)
#if !defined(__AVR__)
PZ_DEFINE_RNN(pz_rnn_i8_pair, pz_i8, pz_row_pairs_args, pz_row_pairs_i8, pz_row_pairs_i16, -128, 127)
PZ_DEFINE_RNN(pz_rnn_i16_pair, pz_i16, pz_row_pairs_args, pz_row_pairs_i16, pz_row_pairs_i16, -32768, 32767)
#endif

#endif
