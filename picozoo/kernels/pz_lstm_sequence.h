/* A sequence through an LSTM; gate order i, f, g, o. x: [n][t][k], or [t][n][k] if major, y likewise; h, c: [n][units];
   weights: [4 units][k] and [4 units][units]. `back`: from the last step to the first. h_out may be h and c_out may be c.
   Twin: ops/lstm_sequence.py. */
#ifndef PZ_LSTM_SEQUENCE_H
#define PZ_LSTM_SEQUENCE_H

#include "pz_gemmlowp16.h"
#include "pz_hybrid_conv2d.h"
#include "pz_lstm_cell.h"
#include "pz_recurrent.h"
#include "pz_squash16.h"

/* gates: 4 * units floats. */
PZ_KERNEL void pz_lstm_sequence_f32(const pz_f32 *x, const pz_f32 *h, const pz_f32 *c, const pz_f32 PZ_FLASH *wx,
                                    const pz_f32 PZ_FLASH *wh, const pz_f32 PZ_FLASH *bias, pz_f32 *y, pz_f32 *h_out,
                                    pz_f32 *c_out, pz_f32 *gates, int n, int t, int k, int units, int major, int back,
                                    float clip) {
  for (int b = 0; b < n; ++b, h += units, c += units, h_out += units, c_out += units) {
    const pz_f32 *before = h, *cell = c;
    for (int s = 0; s < t; ++s) {
      const int at = pz_step_at(b, s, n, t, major, back);
      const pz_f32 *v = x + at * k;
      for (int r = 0; r < 4 * units; ++r) {
        float sum = bias[r];
        for (int i = 0; i < k; ++i) sum += v[i] * wx[r * k + i];
        for (int i = 0; i < units; ++i) sum += before[i] * wh[r * units + i];
        gates[r] = sum;
      }
      for (int j = 0; j < units; ++j) {
        float a = pz_sigmoidf(gates[units + j]) * cell[j] + pz_sigmoidf(gates[j]) * pz_tanhf(gates[2 * units + j]);
        if (clip > 0.0f) a = a > clip ? clip : a < -clip ? -clip : a;
        c_out[j] = a;
        y[at * units + j] = pz_sigmoidf(gates[3 * units + j]) * pz_tanhf(a);
      }
      before = y + at * units;
      cell = c_out;
    }
    pz_copy(h_out, y + pz_step_at(b, t - 1, n, t, major, back) * units, (size_t)units * sizeof(pz_f32));
  }
}

/* gates[r] = saturate(requantised row product, plus the gate before if `add`); one factor for each gate. */
PZ_INLINE void pz_lstm_gates(const pz_i8 *x, const pz_i8 PZ_FLASH *w, const pz_i32 PZ_FLASH *bias, const pz_i32 PZ_FLASH *m,
                             const pz_i8 PZ_FLASH *shift, pz_i16 *gates, int k, int units, int add) {
  for (int g = 0; g < 4; ++g)
    for (int j = 0; j < units; ++j, w += k, ++gates) {
      int32_t s = *bias++;
      for (int i = 0; i < k; ++i) s += (int32_t)x[i] * w[i];
      *gates = (pz_i16)pz_sat16(pz_requant(s, m[g], shift[g]) + (add ? *gates : 0));
    }
}

/* gates: 4 * units values. bits: fraction bits of the cell, which stays within +-limit unless that is 0. */
PZ_KERNEL void pz_lstm_sequence_i8(const pz_i8 *x, const pz_i8 *h, const pz_i16 *c, const pz_i8 PZ_FLASH *wx,
                                   const pz_i32 PZ_FLASH *bx, const pz_i32 PZ_FLASH *mx, const pz_i8 PZ_FLASH *sx,
                                   const pz_i8 PZ_FLASH *wh, const pz_i32 PZ_FLASH *bh, const pz_i32 PZ_FLASH *mh,
                                   const pz_i8 PZ_FLASH *sh, pz_i8 *y, pz_i8 *h_out, pz_i16 *c_out, pz_i16 *gates, int n, int t,
                                   int k, int units, int major, int back, int bits, int32_t limit, int32_t m, int shift,
                                   int32_t zero) {
  for (int b = 0; b < n; ++b, h += units, c += units, h_out += units, c_out += units) {
    const pz_i8 *before = h;
    const pz_i16 *cell = c;
    for (int s = 0; s < t; ++s) {
      const int at = pz_step_at(b, s, n, t, major, back);
      pz_lstm_gates(x + at * k, wx, bx, mx, sx, gates, k, units, 0);
      pz_lstm_gates(before, wh, bh, mh, sh, gates, units, units, 1);
      for (int j = 0; j < units; ++j) {
        int32_t a = pz_round_shift(pz_logistic16(gates[units + j], 3) * cell[j], 15);
        a = pz_sat16(a + pz_round_shift(pz_logistic16(gates[j], 3) * pz_tanh16(gates[2 * units + j], 3), 30 - bits));
        if (limit) a = pz_clamp(a, -limit, limit);
        c_out[j] = (pz_i16)a;
        const int32_t v = pz_logistic16(gates[3 * units + j], 3) * pz_tanh16(a, 15 - bits);
        y[at * units + j] = (pz_i8)pz_clamp(pz_requant(v, m, shift) + zero, -128, 127);
      }
      before = y + at * units;
      cell = c_out;
    }
    pz_copy(h_out, y + pz_step_at(b, t - 1, n, t, major, back) * units, (size_t)units);
  }
}

/* Steps of lstm_cell; working memory as `step` needs it. */
#define PZ_DEFINE_LSTM_SEQUENCE(name, step, W)                                                                                \
  PZ_KERNEL void name(const pz_i8 *x, const pz_i8 *h, const pz_i16 *c, const W PZ_FLASH *wx, const pz_i32 PZ_FLASH *bx,       \
                      const pz_i32 PZ_FLASH *mx, const pz_i8 PZ_FLASH *sx, const W PZ_FLASH *wh, const pz_i32 PZ_FLASH *bh,   \
                      const pz_i32 PZ_FLASH *mh, const pz_i8 PZ_FLASH *sh, const uint16_t PZ_FLASH *table, pz_i8 *y,          \
                      pz_i8 *h_out, pz_i16 *c_out, pz_i16 *gates, int n, int t, int k, int units, int major, int back,        \
                      int bits, int32_t m, int shift, int32_t zero) {                                                         \
    for (int b = 0; b < n; ++b, h += units, c += units, h_out += units, c_out += units) {                                     \
      const pz_i8 *before = h;                                                                                                \
      for (int s = 0; s < t; ++s) {                                                                                           \
        const int at = pz_step_at(b, s, n, t, major, back);                                                                   \
        step(x + at * k, before, s ? c_out : c, wx, bx, mx, sx, wh, bh, mh, sh, table, y + at * units, c_out, gates, 1, k,    \
             units, bits, m, shift, zero);                                                                                    \
        before = y + at * units;                                                                                              \
      }                                                                                                                       \
      pz_copy(h_out, before, (size_t)units);                                                                                  \
    }                                                                                                                         \
  }

PZ_DEFINE_LSTM_SEQUENCE(pz_lstm_sequence_i8_cell, pz_lstm_cell_i8, pz_i8)
#if !defined(__AVR__)
PZ_DEFINE_LSTM_SEQUENCE(pz_lstm_sequence_i8_pair, pz_lstm_cell_i8_pair, pz_u32)
#endif

/* gates[r] = saturate(product of a row, plus bias if there is one, brought to Q3.12; plus the gate before if `add`). */
PZ_INLINE void pz_lstm_rows16(const pz_i16 *x, const pz_i8 PZ_FLASH *w, const pz_i32 PZ_FLASH *bias, const pz_i32 PZ_FLASH *m,
                              const pz_i8 PZ_FLASH *shift, pz_i16 *gates, int k, int rows, int add) {
  for (int r = 0; r < rows; ++r, w += k) {
    int32_t s = 0;
    for (int i = 0; i < k; ++i) s += (int32_t)x[i] * w[i];
    const int64_t total = bias ? (int64_t)s + bias[r] : s;
    const int64_t v = (total * m[r] + ((int64_t)1 << (14 - shift[r]))) >> (15 - shift[r]);
    const int32_t gate = v < -32768 ? -32768 : v > 32767 ? 32767 : (int32_t)v;
    gates[r] = (pz_i16)pz_sat16(gate + (add ? gates[r] : 0));
  }
}

/* int16 activations; see ops/_lstm16.py for m ... sy. Gates: 4 * units values. */
PZ_KERNEL void pz_lstm_sequence_i16(const pz_i16 *x, const pz_i16 *h, const pz_i16 *c, const pz_i8 PZ_FLASH *wx,
                                    const pz_i32 PZ_FLASH *bias, const pz_i32 PZ_FLASH *mx, const pz_i8 PZ_FLASH *sx,
                                    const pz_i8 PZ_FLASH *wh, const pz_i32 PZ_FLASH *mh, const pz_i8 PZ_FLASH *sh,
                                    const uint16_t PZ_FLASH *table, pz_i16 *y, pz_i16 *h_out, pz_i16 *c_out, pz_i16 *gates, int n,
                                    int t, int k, int units, int major, int back, int32_t m, int shift, int32_t limit,
                                    int32_t factor, int bits, int32_t my, int sy) {
  for (int b = 0; b < n; ++b, h += units, c += units, h_out += units, c_out += units) {
    const pz_i16 *before = h;
    for (int s = 0; s < t; ++s) {
      const int at = pz_step_at(b, s, n, t, major, back);
      pz_i16 *const out = y + at * units;
      pz_lstm_rows16(x + at * k, wx, bias, mx, sx, gates, k, 4 * units, 0);
      pz_lstm_rows16(before, wh, NULL, mh, sh, gates, units, 4 * units, 1);
      pz_sigmoid_i16(gates, table, gates, 2 * units, 3, 0);
      pz_tanh_i16(gates + 2 * units, table, gates + 2 * units, units, 3, 0);
      pz_sigmoid_i16(gates + 3 * units, table, gates + 3 * units, units, 3, 0);
      for (int j = 0; j < units; ++j) {
        const int32_t kept = pz_requant(gates[units + j] * (s ? c_out[j] : c[j]), (int32_t)1 << 30, -14);
        const int32_t v = pz_sat16(pz_requant(gates[j] * gates[2 * units + j], m, shift));
        const int32_t a = pz_sat16(pz_sat16(kept) + v);
        c_out[j] = (pz_i16)(limit ? pz_clamp(a, -limit, limit) : a);
      }
      pz_tanh_i16(c_out, table, out, units, factor, bits);
      for (int j = 0; j < units; ++j) out[j] = (pz_i16)pz_sat16(pz_requant(out[j] * gates[3 * units + j], my, sy));
      before = out;
    }
    pz_copy(h_out, before, (size_t)units * sizeof(pz_i16));
  }
}

/* gates[r] += row of int8 weights times x, which is quantised first; `scales`: of the rows. q: k bytes. */
PZ_INLINE void pz_lstm_rows_hybrid(const pz_f32 *x, const pz_i8 PZ_FLASH *w, const pz_f32 PZ_FLASH *scales, pz_f32 *gates,
                                   pz_i8 *q, int k, int rows, int asymmetric) {
  int32_t zero;
  const float scale = pz_quantize_input(x, q, k, asymmetric, &zero);
  for (int r = 0; r < rows; ++r, w += k) {
    int32_t s = 0;
    for (int i = 0; i < k; ++i) s += (q[i] - zero) * w[i];
    gates[r] += (float)s * (scale * scales[r]);
  }
}

/* Float activations and int8 weights. gates: 4 * units floats, then max(k, units) bytes. */
PZ_KERNEL void pz_lstm_sequence_hybrid(const pz_f32 *x, const pz_f32 *h, const pz_f32 *c, const pz_i8 PZ_FLASH *wx,
                                       const pz_i8 PZ_FLASH *wh, const pz_f32 PZ_FLASH *bias, const pz_f32 PZ_FLASH *sx,
                                       const pz_f32 PZ_FLASH *sh, pz_f32 *y, pz_f32 *h_out, pz_f32 *c_out, pz_f32 *gates, int n,
                                       int t, int k, int units, int major, int back, int asymmetric, float clip) {
  pz_i8 *const q = (pz_i8 *)(gates + 4 * units);
  for (int b = 0; b < n; ++b, h += units, c += units, h_out += units, c_out += units) {
    const pz_f32 *before = h;
    for (int s = 0; s < t; ++s) {
      const int at = pz_step_at(b, s, n, t, major, back);
      for (int r = 0; r < 4 * units; ++r) gates[r] = bias[r];
      pz_lstm_rows_hybrid(x + at * k, wx, sx, gates, q, k, 4 * units, asymmetric);
      pz_lstm_rows_hybrid(before, wh, sh, gates, q, units, 4 * units, asymmetric);
      for (int j = 0; j < units; ++j) {
        const float cell = s ? c_out[j] : c[j];
        float a = pz_sigmoidf(gates[units + j]) * cell + pz_sigmoidf(gates[j]) * pz_tanhf(gates[2 * units + j]);
        if (clip > 0.0f) a = a > clip ? clip : a < -clip ? -clip : a;
        c_out[j] = a;
        y[at * units + j] = pz_sigmoidf(gates[3 * units + j]) * pz_tanhf(a);
      }
      before = y + at * units;
    }
    pz_copy(h_out, before, (size_t)units * sizeof(pz_f32));
  }
}

#endif
