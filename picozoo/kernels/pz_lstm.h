/* LSTM over a sequence; gates i, f, g, o, without f if `couple`. x: [n][t][k], or [t][n][k] if major, y likewise; h, c:
   [n][units]; w: [gates][k], r: [gates][units]; p: peepholes of i, f, o, or NULL. h and c may be h0 and c0. s: as many
   values as there are gates. Twin: ops/lstm.py. */
#ifndef PZ_LSTM_H
#define PZ_LSTM_H

#include "pz_gate.h"
#include "pz_recurrent8.h"

PZ_KERNEL void pz_lstm_f32(const pz_f32 *x, const pz_f32 *h0, const pz_f32 *c0, const pz_f32 PZ_FLASH *w,
                           const pz_f32 PZ_FLASH *r, const pz_f32 PZ_FLASH *b, const pz_f32 PZ_FLASH *p, pz_f32 *y, pz_f32 *h,
                           pz_f32 *c, pz_f32 *s, int n, int t, int k, int units, int major, int back, int couple, float clip,
                           int f, float fa, float fb, int g, float ga, float gb, int e, float ea, float eb) {
  const int last = (couple ? 2 : 3) * units;
  for (int i = 0; i < n * units; ++i) {
    h[i] = h0[i];
    c[i] = c0[i];
  }
  for (int j = 0; j < n; ++j, h += units, c += units)
    for (int step = 0; step < t; ++step) {
      const int at = pz_step_at(j, step, n, t, major, back);
      pz_recurrent_rows(x + at * k, w, b, s, last + units, k, 0);
      pz_recurrent_rows(h, r, NULL, s, last + units, units, 1);
      for (int i = 0; i < units; ++i) {
        float in = s[i], keep = s[units + i], out = s[last + i];
        if (p) {
          in += p[i] * c[i];
          if (!couple) keep += p[units + i] * c[i];
        }
        in = pz_gatef(pz_clipf(in, clip), f, fa, fb);
        keep = couple ? 1.0f - in : pz_gatef(pz_clipf(keep, clip), f, fa, fb);
        c[i] = keep * c[i] + in * pz_gatef(pz_clipf(s[last - units + i], clip), g, ga, gb);
        if (p) out += p[last - units + i] * c[i];
        y[at * units + i] = h[i] = pz_gatef(pz_clipf(out, clip), f, fa, fb) * pz_gatef(c[i], e, ea, eb);
      }
    }
}

/* A sum and what a peephole sees of the cell; mp, sp: from their product to the sum. */
PZ_INLINE int32_t pz_peep(int32_t sum, const pz_i16 PZ_FLASH *p, int i, int32_t cell, int32_t mp, int sp) {
  return p ? pz_clamp(sum + pz_requant(p[i] * cell, mp, sp), -32768, 32767) : sum;
}

/* The cell has `bits` fraction bits; f, g, e: functions of i, f and o, of g, and of the cell; m, shift, zero: from the
   product of the last two to y. */
#define PZ_DEFINE_LSTM(name, T, A, rows, lo, hi)                                                                              \
  PZ_KERNEL void name(const T *x, const T *h0, const pz_i16 *c0, const A w, const A r, const pz_i16 PZ_FLASH *p,              \
                      const pz_gate_args f, const pz_gate_args g, const pz_gate_args e, T *y, T *h, pz_i16 *c, pz_i16 *s,     \
                      int n, int t, int k, int units, int major, int back, int couple, int bits, int32_t mp, int sp,          \
                      int32_t m, int shift, int32_t zero) {                                                                   \
    const int last = (couple ? 2 : 3) * units;                                                                                \
    for (int i = 0; i < n * units; ++i) {                                                                                     \
      h[i] = h0[i];                                                                                                           \
      c[i] = c0[i];                                                                                                           \
    }                                                                                                                         \
    for (int j = 0; j < n; ++j, h += units, c += units)                                                                       \
      for (int step = 0; step < t; ++step) {                                                                                  \
        const int at = pz_step_at(j, step, n, t, major, back);                                                                \
        rows(x + at * k, w, s, k, 0, last + units, 0);                                                                        \
        rows(h, r, s, units, 0, last + units, 1);                                                                             \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t in = pz_gate(pz_peep(s[i], p, i, c[i], mp, sp), f);                                                   \
          const int32_t keep = couple ? ((int32_t)1 << f.out) - in                                                            \
                                      : pz_gate(pz_peep(s[units + i], p, units + i, c[i], mp, sp), f);                        \
          int32_t v = pz_round_shift(in * pz_gate(s[last - units + i], g), f.out + g.out - bits);                             \
          v = pz_clamp(v + pz_round_shift(keep * c[i], f.out), -32768, 32767);                                                \
          c[i] = (pz_i16)v;                                                                                                   \
          v = pz_gate(v, e) * pz_gate(pz_peep(s[last + i], p, last - units + i, v, mp, sp), f);                               \
          y[at * units + i] = h[i] = (T)pz_clamp(pz_requant(v, m, shift) + zero, lo, hi);                                     \
        }                                                                                                                     \
      }                                                                                                                       \
  }

PZ_DEFINE_LSTM(pz_lstm_i8, pz_i8, pz_rows_args, pz_rows_i8, -128, 127)
PZ_DEFINE_LSTM(pz_lstm_i16, pz_i16, pz_rows_args, pz_rows_i16, -32768, 32767)
#if !defined(__AVR__)
PZ_DEFINE_LSTM(pz_lstm_i8_pair, pz_i8, pz_row_pairs_args, pz_row_pairs_i8, -128, 127)
PZ_DEFINE_LSTM(pz_lstm_i16_pair, pz_i16, pz_row_pairs_args, pz_row_pairs_i16, -32768, 32767)
#endif

#endif
