/* x / |x| in rows of n int8 values; the output, 128 times that, may be the input. `before`: multiplied by 128 first. Twin: ops/l2_norm.py. */
#ifndef PZ_L2_NORM_H
#define PZ_L2_NORM_H

#include "pz_fixed.h"

/* 1 / sqrt(x) as a multiplier; *shift to the left. */
static PZ_UNUSED int32_t pz_inverse_root(int32_t x, int *shift) {
  if (x <= 1) {
    *shift = 0;
    return INT32_MAX;
  }
  int right = 11;
  for (; x >= (int32_t)1 << 29; ++right) x /= 4;
  for (; x < (int32_t)1 << 27; --right) x *= 4;
  const int32_t half = ((x >> 1) + 1) >> 1;
  int32_t r = (int32_t)1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = pz_high_mul_signed(pz_high_mul_signed(r, r), r) * 64;
    r = (pz_high_mul_signed(((int32_t)1 << 28) + ((int32_t)1 << 27), r) - pz_high_mul_signed(half, cube)) * 8;
  }
  r = pz_high_mul_signed(r, 1518500250);
  *shift = right < 0 ? 0 : -right;
  return right < 0 ? r * ((int32_t)1 << -right) : r;
}

PZ_KERNEL void pz_l2_norm_i8(const pz_i8 *x, pz_i8 *y, int rows, int n, int32_t zero, int before) {
  for (int o = 0; o < rows; ++o, x += n, y += n) {
    int32_t s = 0;
    int shift;
    for (int i = 0; i < n; ++i) s += (x[i] - zero) * (x[i] - zero);
    const int32_t m = pz_inverse_root(s, &shift);
    for (int i = 0; i < n; ++i) y[i] = (pz_i8)pz_clamp(pz_requant((x[i] - zero) * (before ? 128 : 1), m, before ? shift : shift + 7), -128, 127);
  }
}

#endif
