/* Logistic and tanh of int16 fixed-point numbers with k integer bits, results in Q0.15, bit for bit as gemmlowp computes
   them. Twin: ops/_gemmlowp16.py. */
#ifndef PZ_GEMMLOWP16_H
#define PZ_GEMMLOWP16_H

#include "pz_fixed.h"

/* Rounding doubling high multiply; not for both -32768. */
PZ_INLINE int32_t pz_times16(int32_t a, int32_t b) {
  const int32_t p = a * b;
  return (p + (p >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
}

PZ_INLINE int32_t pz_sat16(int32_t x) { return pz_clamp(x, -32768, 32767); }

/* exp(a), a <= 0. */
static PZ_UNUSED int32_t pz_exp16(int32_t a, int k) {
  static const pz_i16 PZ_FLASH powers[7] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* exp(-2^e), e = -2 ... 4 */
  if (a == 0) return 32767;
  if (k > 5 && a < -((int32_t)1 << (20 - k))) return 0;
  const int32_t quarter = (int32_t)1 << (13 - k), rest = (a & (quarter - 1)) - quarter;
  const int32_t x = pz_sat16(rest * ((int32_t)1 << k)) + (1 << 12);
  const int32_t x2 = pz_times16(x, x), x3 = pz_times16(x2, x), x4 = pz_times16(x2, x2);
  const int32_t poly = pz_round_shift(pz_times16(pz_round_shift(x4, 2) + x3, 10923) + x2, 1);
  int32_t y = 28918 + pz_times16(28918, x + poly);
  const int32_t remainder = rest - a;
  for (int e = -2; e < 5 && e < k; ++e)
    if (remainder & ((int32_t)1 << (15 - k + e))) y = pz_times16(y, powers[e + 2]);
  return y;
}

/* 2 / (1 + a) with 2 integer bits, a in [0, 1]. */
PZ_INLINE int32_t pz_newton16(int32_t a) {
  const int32_t half = (a + 32767 + 1) / 2;
  int32_t x = 23130 + pz_times16(half, -15420);
  for (int i = 0; i < 3; ++i) x += pz_sat16(pz_times16(x, (1 << 13) - pz_times16(half, x)) * 4);
  return x;
}

static PZ_UNUSED int32_t pz_logistic16(int32_t x, int k) {
  if (x == 0) return 1 << 14;
  const int32_t up = pz_sat16(pz_newton16(pz_exp16(x > 0 ? -x : x, k)) * 2);
  return x > 0 ? up : 32767 - up;
}

static PZ_UNUSED int32_t pz_tanh16(int32_t x, int k) {
  if (x == 0) return 0;
  const int32_t t = pz_sat16((pz_newton16(pz_exp16(x > 0 ? -x : x, k + 1)) - (1 << 13)) * 4);
  return x < 0 ? -t : t;
}

#endif
