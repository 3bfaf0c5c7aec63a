/* GRU over a sequence; gates z, r, h. x: [n][t][k], or [t][n][k] if major, y likewise; h: [n][units]; w: [3 units][k], r:
   [3 units][units]. h may be h0. Twin: ops/gru.py. */
#ifndef PZ_GRU_H
#define PZ_GRU_H

#include "pz_gate.h"
#include "pz_recurrent8.h"

/* s: 3 units values of working memory. */
PZ_KERNEL void pz_gru_f32(const pz_f32 *x, const pz_f32 *h0, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *r,
                          const pz_f32 PZ_FLASH *b, const pz_f32 PZ_FLASH *rb, pz_f32 *y, pz_f32 *h, pz_f32 *s, int n, int t,
                          int k, int units, int major, int back, int after, float clip, int f, float fa, float fb, int g,
                          float ga, float gb) {
  const pz_f32 PZ_FLASH *last = r + 2 * units * units;
  pz_f32 *const z = s, *const reset = s + units, *const u = s + 2 * units;
  for (int i = 0; i < n * units; ++i) h[i] = h0[i];
  for (int j = 0; j < n; ++j, h += units)
    for (int step = 0; step < t; ++step) {
      const int at = pz_step_at(j, step, n, t, major, back);
      pz_recurrent_rows(x + at * k, w, b, s, 3 * units, k, 0);
      pz_recurrent_rows(h, r, rb, s, 2 * units, units, 1);
      for (int i = 0; i < 2 * units; ++i) s[i] = pz_gatef(pz_clipf(s[i], clip), f, fa, fb);
      for (int i = 0; i < units; ++i) {
        float v = rb[2 * units + i];
        for (int m = 0; m < units; ++m) v += last[i * units + m] * (after ? h[m] : reset[m] * h[m]);
        u[i] = pz_gatef(pz_clipf(u[i] + (after ? reset[i] * v : v), clip), g, ga, gb);
      }
      for (int i = 0; i < units; ++i) y[at * units + i] = h[i] = (1.0f - z[i]) * u[i] + z[i] * h[i];
    }
}

/* s: 4 units values; f, g: functions of z and r, and of h; the state has `bits` fraction bits; m, shift, zero: from it to
   y. */
#define PZ_DEFINE_GRU(name, T, A, rows, rows16, lo, hi)                                                                       \
  PZ_KERNEL void name(const T *x, const pz_i16 *h0, const A w, const A r, const pz_gate_args f, const pz_gate_args g, T *y,   \
                      pz_i16 *h, pz_i16 *s, int n, int t, int k, int units, int major, int back, int after, int bits,         \
                      int32_t m, int shift, int32_t zero) {                                                                   \
    pz_i16 *const reset = s + units, *const u = s + 2 * units, *const inner = s + 3 * units;                                  \
    for (int i = 0; i < n * units; ++i) h[i] = h0[i];                                                                         \
    for (int j = 0; j < n; ++j, h += units)                                                                                   \
      for (int step = 0; step < t; ++step) {                                                                                  \
        const int at = pz_step_at(j, step, n, t, major, back);                                                                \
        rows(x + at * k, w, s, k, 0, 3 * units, 0);                                                                           \
        rows16(h, r, s, units, 0, 2 * units, 1);                                                                              \
        if (after) rows16(h, r, inner, units, 2 * units, units, 0);                                                           \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t v = pz_round_shift(pz_gate(reset[i], f) * (after ? inner[i] : h[i]), f.out);                          \
          if (after) u[i] = (pz_i16)pz_clamp(u[i] + v, -32768, 32767);                                                        \
          else inner[i] = (pz_i16)pz_clamp(v, -32768, 32767);                                                                 \
        }                                                                                                                     \
        if (!after) rows16(inner, r, u, units, 2 * units, units, 1);                                                          \
        for (int i = 0; i < units; ++i) {                                                                                     \
          const int32_t keep = pz_gate(s[i], f);                                                                              \
          int32_t v = pz_round_shift((((int32_t)1 << f.out) - keep) * pz_gate(u[i], g), f.out + g.out - bits);                \
          v = pz_clamp(v + pz_round_shift(keep * h[i], f.out), -32768, 32767);                                                \
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
