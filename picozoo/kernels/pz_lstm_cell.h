/* One step of an LSTM; gate order i, f, g, o. x: [n][k], h, c: [n][units], weights: [4 units][k] and [4 units][units].
   c_out may be c; h_out may not be h. Twin: ops/lstm_cell.py. */
#ifndef PZ_LSTM_CELL_H
#define PZ_LSTM_CELL_H

#include "pz_dot.h"
#include "pz_math.h"

/* gates: 4 * units floats. */
PZ_KERNEL void pz_lstm_cell_f32(const pz_f32 *x, const pz_f32 *h, const pz_f32 *c, const pz_f32 PZ_FLASH *wx,
                                const pz_f32 PZ_FLASH *wh, const pz_f32 PZ_FLASH *bias, pz_f32 *h_out, pz_f32 *c_out,
                                pz_f32 *gates, int n, int k, int units) {
  for (int b = 0; b < n; ++b, x += k, h += units, c += units, h_out += units, c_out += units) {
    const pz_f32 PZ_FLASH *u = wx;
    const pz_f32 PZ_FLASH *v = wh;
    for (int r = 0; r < 4 * units; ++r, u += k, v += units) {
      float s = bias[r];
      for (int i = 0; i < k; ++i) s += x[i] * u[i];
      for (int i = 0; i < units; ++i) s += h[i] * v[i];
      gates[r] = s;
    }
    for (int j = 0; j < units; ++j) {
      const float cell = pz_sigmoidf(gates[units + j]) * c[j] + pz_sigmoidf(gates[j]) * pz_tanhf(gates[2 * units + j]);
      c_out[j] = cell;
      h_out[j] = pz_sigmoidf(gates[3 * units + j]) * pz_tanhf(cell);
    }
  }
}

/* Q3.12 -> Q0.15; table[i] = 65536 sigmoid(i / 24). */
PZ_INLINE int32_t pz_sigmoid_q15(int32_t x, const uint16_t PZ_FLASH *table) {
  const int32_t scaled = x * 3;
  const uint32_t a = (uint32_t)(scaled < 0 ? -scaled : scaled), hi = a >> 9;
  int32_t r = (int32_t)0x7fff << 10;
  if (hi < 255) r = (int32_t)(((uint32_t)table[hi] << 9) + (a & 0x1ffu) * ((uint32_t)table[hi + 1] - table[hi]));
  return (x >= 0 ? r + (1 << 9) : ((int32_t)1 << 25) - r + (1 << 9) - 1) >> 10;
}

PZ_INLINE int32_t pz_tanh_q15(int32_t x, const uint16_t PZ_FLASH *table) {
  const int32_t scaled = x * 3;
  const uint32_t a = (uint32_t)(scaled < 0 ? -scaled : scaled), hi = a >> 8;
  int32_t r = (int32_t)0xffff << 8;
  if (hi < 255) r = (int32_t)(((uint32_t)table[hi] << 8) + (a & 0xffu) * ((uint32_t)table[hi + 1] - table[hi]));
  return (x >= 0 ? r - ((int32_t)1 << 23) + (1 << 7) : -r + ((int32_t)1 << 23) + (1 << 7) - 1) >> 8;
}

/* Gates in Q3.12 -> new cell with `bits` fraction bits -> new h in int8. */
PZ_INLINE void pz_lstm_units(const pz_i16 *gates, const pz_i16 *c, pz_i8 *h_out, pz_i16 *c_out, int units, int bits,
                             int32_t multiplier, int shift, int32_t zero, const uint16_t PZ_FLASH *table) {
  for (int j = 0; j < units; ++j) {
    int32_t cell = pz_round_shift(pz_sigmoid_q15(gates[units + j], table) * c[j], 15);
    cell += pz_round_shift(pz_sigmoid_q15(gates[j], table) * pz_tanh_q15(gates[2 * units + j], table), 30 - bits);
    cell = pz_clamp(cell, -32768, 32767);
    c_out[j] = (pz_i16)cell;
    const int32_t wide = bits < 12 ? pz_clamp(cell * (1 << (bits < 12 ? 12 - bits : 0)), -32768, 32767) : pz_round_shift(cell, bits - 12);
    const int32_t y = pz_sigmoid_q15(gates[3 * units + j], table) * pz_tanh_q15(wide, table);
    h_out[j] = (pz_i8)pz_clamp(pz_requant(y, multiplier, shift) + zero, -128, 127);
  }
}

/* gates[r] = saturate(previous + requantised row product); `add` is 0 for the first product. */
PZ_INLINE void pz_lstm_rows(const pz_i8 *x, const pz_i8 PZ_FLASH *w, const pz_i32 PZ_FLASH *bias, const pz_i32 PZ_FLASH *multiplier,
                            const pz_i8 PZ_FLASH *shift, pz_i16 *gates, int k, int rows, int add) {
  for (int r = 0; r < rows; ++r, w += k) {
    int32_t s = bias[r];
    for (int i = 0; i < k; ++i) s += (int32_t)x[i] * w[i];
    s = pz_requant(s, multiplier[r], shift[r]) + (add ? gates[r] : 0);
    gates[r] = (pz_i16)pz_clamp(s, -32768, 32767);
  }
}

PZ_KERNEL void pz_lstm_cell_i8(const pz_i8 *x, const pz_i8 *h, const pz_i16 *c, const pz_i8 PZ_FLASH *wx, const pz_i32 PZ_FLASH *bx,
                               const pz_i32 PZ_FLASH *mx, const pz_i8 PZ_FLASH *sx, const pz_i8 PZ_FLASH *wh,
                               const pz_i32 PZ_FLASH *bh, const pz_i32 PZ_FLASH *mh, const pz_i8 PZ_FLASH *sh,
                               const uint16_t PZ_FLASH *table, pz_i8 *h_out, pz_i16 *c_out, pz_i16 *gates, int n, int k, int units,
                               int bits, int32_t multiplier, int shift, int32_t zero) {
  for (int b = 0; b < n; ++b) {
    pz_lstm_rows(x + b * k, wx, bx, mx, sx, gates, k, 4 * units, 0);
    pz_lstm_rows(h + b * units, wh, bh, mh, sh, gates, units, 4 * units, 1);
    pz_lstm_units(gates, c + b * units, h_out + b * units, c_out + b * units, units, bits, multiplier, shift, zero, table);
  }
}

#if !defined(__AVR__)
PZ_INLINE void pz_lstm_rows_pair(const pz_i8 *x, const pz_u32 *w, const pz_i32 *bias, const pz_i32 *multiplier, const pz_i8 *shift,
                                 pz_i16 *gates, pz_u32 *patch, int k, int rows, int add) {
  const int n = PZ_PATCH_GROUPS(1, k);
  pz_clear_words(patch + PZ_ROW_WORDS(k), n * 4 - PZ_ROW_WORDS(k));
  pz_widen(x, patch, k, 1);
  for (int r = 0; r < rows; r += 2, w += n * 4) {
    int32_t s[2];
    s[0] = bias[r];
    s[1] = bias[r + 1];
    pz_mac_1x2(patch, w, n, rows / 2, s);
    s[0] = pz_requant(s[0], multiplier[r], shift[r]) + (add ? gates[r] : 0);
    s[1] = pz_requant(s[1], multiplier[r + 1], shift[r + 1]) + (add ? gates[r + 1] : 0);
    gates[r] = (pz_i16)pz_clamp(s[0], -32768, 32767);
    gates[r + 1] = (pz_i16)pz_clamp(s[1], -32768, 32767);
  }
}

/* With packed weights (pz_dot.h); gates: 4 * units values, then the widened x or h. */
PZ_KERNEL void pz_lstm_cell_i8_pair(const pz_i8 *x, const pz_i8 *h, const pz_i16 *c, const pz_u32 *wx, const pz_i32 *bx,
                                    const pz_i32 *mx, const pz_i8 *sx, const pz_u32 *wh, const pz_i32 *bh, const pz_i32 *mh,
                                    const pz_i8 *sh, const uint16_t *table, pz_i8 *h_out, pz_i16 *c_out, pz_i16 *gates, int n,
                                    int k, int units, int bits, int32_t multiplier, int shift, int32_t zero) {
  pz_u32 *const patch = (pz_u32 *)(gates + 4 * units);
  for (int b = 0; b < n; ++b) {
    pz_lstm_rows_pair(x + b * k, wx, bx, mx, sx, gates, patch, k, 4 * units, 0);
    pz_lstm_rows_pair(h + b * units, wh, bh, mh, sh, gates, patch, units, 4 * units, 1);
    pz_lstm_units(gates, c + b * units, h_out + b * units, c_out + b * units, units, bits, multiplier, shift, zero, table);
  }
}
#endif

#endif
