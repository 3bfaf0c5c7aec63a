/* Float to integers: nearest of x / scale, halves away from zero, plus the zero point, clamped. Twin: ops/quantize.py. */
#ifndef PZ_QUANTIZE_H
#define PZ_QUANTIZE_H

#include "pz_fixed.h"

PZ_INLINE int32_t pz_round_away(float v) {
  if (v != v) return 0;
  if (v > 1e9f) v = 1e9f;
  if (v < -1e9f) v = -1e9f;
  const int32_t whole = (int32_t)v;
  const float rest = v - (float)whole;
  return rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole;
}

/* Halves to even. */
PZ_INLINE int32_t pz_round_even(float v) {
  const int32_t r = pz_round_away(v);
  if (!(v < 1e9f) || !(v > -1e9f)) return r;
  const float rest = v - (float)r;
  return (rest == 0.5f || rest == -0.5f) && (r & 1) ? (rest < 0.0f ? r - 1 : r + 1) : r;
}

#define PZ_DEFINE_QUANTIZE(name, T, lo, hi)                                              \
  PZ_KERNEL void name(const pz_f32 *x, T *y, int n, float scale, int32_t zero) {         \
    for (int i = 0; i < n; ++i) y[i] = (T)pz_clamp(pz_round_away(x[i] / scale) + zero, lo, hi); \
  }                                                                                      \
  PZ_KERNEL void name##_even(const pz_f32 *x, T *y, int n, float scale, int32_t zero) {  \
    for (int i = 0; i < n; ++i) y[i] = (T)pz_clamp(pz_round_even(x[i] / scale) + zero, lo, hi); \
  }

PZ_DEFINE_QUANTIZE(pz_quantize_i8, pz_i8, -128, 127)
PZ_DEFINE_QUANTIZE(pz_quantize_i16, pz_i16, -32768, 32767)

#endif
