/* Softmax and its logarithm over n of (outer, n, inner), of beta * x; the output may be the input.
   Twin: ops/softmax.py, of the int8 form ops/_softmax8.py. */
#ifndef PZ_SOFTMAX_H
#define PZ_SOFTMAX_H

#include "pz_fixed.h"
#include "pz_lut.h"
#include "pz_math.h"

PZ_INLINE float pz_column_max(const pz_f32 *x, int n, int inner, float beta) {
  float top = x[0] * beta;
  for (int k = 1; k < n; ++k)
    if (x[k * inner] * beta > top) top = x[k * inner] * beta;
  return top;
}

PZ_KERNEL void pz_softmax_f32(const pz_f32 *x, pz_f32 *y, int outer, int n, int inner, float beta) {
  for (int o = 0; o < outer; ++o)
    for (int i = 0; i < inner; ++i) {
      const pz_f32 *a = x + o * n * inner + i;
      pz_f32 *b = y + o * n * inner + i;
      const float top = pz_column_max(a, n, inner, beta);
      float total = 0.0f;
      for (int k = 0; k < n; ++k) {
        const float e = pz_expf(a[k * inner] * beta - top);
        b[k * inner] = e;
        total += e;
      }
      for (int k = 0; k < n; ++k) b[k * inner] /= total;
    }
}

PZ_KERNEL void pz_log_softmax_f32(const pz_f32 *x, pz_f32 *y, int outer, int n, int inner, float beta) {
  for (int o = 0; o < outer; ++o)
    for (int i = 0; i < inner; ++i) {
      const pz_f32 *a = x + o * n * inner + i;
      pz_f32 *b = y + o * n * inner + i;
      const float top = pz_column_max(a, n, inner, beta);
      float total = 0.0f;
      for (int k = 0; k < n; ++k) total += pz_expf(a[k * inner] * beta - top);
      total = pz_logf(total);
      for (int k = 0; k < n; ++k) b[k * inner] = a[k * inner] * beta - top - total;
    }
}

/* 1 / x for x with 12 integer bits, x >= 1: a factor in Q0.31; *bits: how far to shift right after it. */
PZ_INLINE int32_t pz_reciprocal12(uint32_t x, int *bits) {
  int zeros = 0;
  while (!(x & 0x80000000u)) {
    x <<= 1;
    ++zeros;
  }
  const int32_t half = (int32_t)(((x & 0x7fffffffu) + 0x80000000u) >> 1);
  int32_t r = 1515870810 + pz_high_mul_signed(half, -1010580540);
  for (int i = 0; i < 3; ++i) r += pz_high_mul_signed(r, ((int32_t)1 << 29) - pz_high_mul_signed(half, r)) * 4;
  *bits = 12 - zeros;
  return r > 0x3fffffff ? INT32_MAX : r * 2;
}

/* int8: rows of n values; table[i] = exp of a value i below the row's largest, Q0.31, i < count, zero beyond.
   y: 2^bits_out * probability, less half of that. */
#define PZ_DEFINE_SOFTMAX8(name, TY, bits_out)                                                                      \
  PZ_KERNEL void name(const pz_i8 *x, TY *y, const pz_i32 PZ_FLASH *table, int outer, int n, int count) {           \
    for (int o = 0; o < outer; ++o, x += n, y += n) {                                                               \
      int32_t top = x[0];                                                                                           \
      for (int k = 1; k < n; ++k)                                                                                   \
        if (x[k] > top) top = x[k];                                                                                 \
      uint32_t total = 0;                                                                                           \
      for (int k = 0; k < n; ++k)                                                                                   \
        if (top - x[k] < count) total += (uint32_t)pz_round_shift(table[top - x[k]], 12);                           \
      int bits;                                                                                                     \
      const int32_t factor = pz_reciprocal12(total, &bits), half = (int32_t)1 << (bits_out - 1);                    \
      for (int k = 0; k < n; ++k) {                                                                                 \
        const int32_t e = top - x[k] < count ? table[top - x[k]] : 0;                                               \
        const int32_t v = pz_round_shift(pz_high_mul_signed(factor, e), bits + 31 - bits_out) - half;               \
        y[k] = (TY)(v > half - 1 ? half - 1 : v);                                                                   \
      }                                                                                                             \
    }                                                                                                               \
  }

PZ_DEFINE_SOFTMAX8(pz_softmax_i8, pz_i8, 8)
PZ_DEFINE_SOFTMAX8(pz_softmax_i8_i16, pz_i16, 16)

/* log(x) with 26 bits after the point, x >= 1 with 12 integer bits. Twin: ops/_log_softmax8.py. */
static PZ_UNUSED int32_t pz_log12(int32_t x) {
  const int32_t root = 1518500250, fourth = 1805811301; /* 2^-1/2, 2^-1/4 */
  int zeros = 0, headroom = 0;
  while (!(((uint32_t)x << zeros) & 0x80000000u)) ++zeros;
  const int32_t half_a = pz_high_mul_signed((int32_t)((uint32_t)x << (zeros - 1)), root);
  const int32_t a = half_a > 0x3fffffff ? INT32_MAX : half_a * 2, scaled = pz_high_mul_signed(x, root);
  while (!(((uint32_t)scaled << headroom) & 0x40000000u)) ++headroom;
  const int32_t b = zeros <= headroom ? INT32_MAX : (int32_t)((uint32_t)x << headroom);
  const int32_t power_a = (12 - zeros) * ((int32_t)1 << 25) + ((int32_t)1 << 23);
  const int32_t power_b = (12 - headroom) * ((int32_t)1 << 25) - ((int32_t)1 << 23);
  const int32_t r = a < b ? a : b, power = power_a > power_b ? power_a : power_b;
  const int32_t p = (int32_t)(((uint32_t)r + (uint32_t)fourth + 1u) >> 1), q = (r - fourth) * 2;
  const int32_t square = pz_high_mul_signed(q, q);
  const int32_t top = pz_high_mul_signed(q, r) + pz_high_mul_signed(pz_high_mul_signed(q, square), 117049297);
  const int32_t below = pz_high_mul_signed(p, 1057819769 + q + pz_high_mul_signed(127690142, square)) +
                        pz_high_mul_signed(638450708, q);
  const int32_t half = (int32_t)(((uint32_t)below + 0x80000000u) >> 1);
  int32_t y = 1515870810 + pz_high_mul_signed(half, -1010580540);
  for (int i = 0; i < 3; ++i) y += pz_high_mul_signed(y, ((int32_t)1 << 29) - pz_high_mul_signed(half, y)) * 4;
  y = y > 0x3fffffff ? INT32_MAX : y * 2;
  return (pz_high_mul_signed(power, 1488522236) + pz_high_mul_signed(pz_round_shift(top, 6), y)) * 2;
}

/* int8: 16 times the logarithm, plus 127. exps as above; scaled[i]: a difference of i, 26 bits after the point. */
PZ_KERNEL void pz_log_softmax_i8(const pz_i8 *x, pz_i8 *y, const pz_i32 PZ_FLASH *exps, const pz_i32 PZ_FLASH *scaled, int outer,
                                 int n, int count) {
  for (int o = 0; o < outer; ++o, x += n, y += n) {
    int32_t top = x[0], total = 0;
    for (int k = 1; k < n; ++k)
      if (x[k] > top) top = x[k];
    for (int k = 0; k < n; ++k)
      if (top - x[k] < count) total += pz_round_shift(exps[top - x[k]], 12);
    const int32_t log = pz_log12(total);
    for (int k = 0; k < n; ++k) {
      int32_t v = -128;
      if (top - x[k] < count) v = (int32_t)(((int64_t)scaled[top - x[k]] - log + (1 << 21) - (scaled[top - x[k]] < log)) >> 22) + 127;
      y[k] = (pz_i8)pz_clamp(v, -128, 127);
    }
  }
}

/* int16: rows of n values; exp over [-10, 0] and 1 / (1 + x) over [0, 1] as tables; m, shift: to steps of the first.
   y: 32768 * probability. */
PZ_KERNEL void pz_softmax_i16(const pz_i16 *x, pz_i16 *y, const pz_i16 PZ_FLASH *exps, const pz_i16 PZ_FLASH *inverse, int outer,
                              int n, int32_t m, int shift) {
  for (int o = 0; o < outer; ++o, x += n, y += n) {
    int32_t top = x[0], total = 0;
    for (int k = 1; k < n; ++k)
      if (x[k] > top) top = x[k];
    for (int k = 0; k < n; ++k) {
      const int32_t e = pz_lookup16(pz_clamp(pz_requant(x[k] - top, m, shift) + 32767, -32768, 32767), exps);
      y[k] = (pz_i16)e;
      total += e;
    }
    int up = 0;
    while (!(((uint32_t)total << up) & 0x40000000u)) ++up;
    const int32_t sum = (int32_t)((((uint32_t)total << up) + (1u << 13)) >> 14);
    const int32_t factor = pz_lookup16(pz_clamp(sum - 98304, -32768, 32767), inverse);
    const int bits = 30 - up;
    for (int k = 0; k < n; ++k) {
      const int32_t v = (int32_t)(((int64_t)y[k] * factor + ((int64_t)1 << (bits - 1))) >> bits);
      y[k] = (pz_i16)pz_clamp(v, 0, 32767);
    }
  }
}

#endif
