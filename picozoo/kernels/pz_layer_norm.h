/* Layer normalisation of rows of n, weights in flash; the output may be the input. Twin: ops/layer_norm.py. */
#ifndef PZ_LAYER_NORM_H
#define PZ_LAYER_NORM_H

#include "pz_fixed.h"
#include "pz_math.h"

PZ_KERNEL void pz_layer_norm_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *b, pz_f32 *y, int rows,
                                 int n, float eps) {
  for (int r = 0; r < rows; ++r, x += n, y += n) {
    float mean = 0.0f, var = 0.0f;
    for (int i = 0; i < n; ++i) mean += x[i];
    mean /= (float)n;
    for (int i = 0; i < n; ++i) var += (x[i] - mean) * (x[i] - mean);
    const float k = 1.0f / pz_sqrtf(var / (float)n + eps);
    for (int i = 0; i < n; ++i) y[i] = (x[i] - mean) * k * w[i] + b[i];
  }
}

/* 1 / sqrt(v), v > 0, as a factor of 16 bits; *shift: of a product with it, so that 10 fraction bits are left. */
PZ_INLINE uint32_t pz_inverse_root64(uint64_t v, int *shift) {
  int half = 0;
  while (v >> 32) v >>= 2, ++half;
  uint32_t rest = (uint32_t)v, root = 0, bit = (uint32_t)1 << 30;
  while (!(rest >> 30)) rest <<= 2, --half;
  for (; bit; bit >>= 2) {
    const int take = rest >= root + bit;
    if (take) rest -= root + bit;
    root = (root >> 1) + (take ? bit : 0);
  }
  *shift = 21 + half;
  return ((uint32_t)1 << 31) / root;
}

/* w: int16; b: in units of w / 2^10; added: eps in units of the squared root; m, s, zero: to the output. */
PZ_KERNEL void pz_layer_norm_i8(const pz_i8 *x, const pz_i16 PZ_FLASH *w, const pz_i32 PZ_FLASH *b, pz_i8 *y, int rows, int n,
                                int64_t added, int32_t m, int s, int32_t zero) {
  for (int r = 0; r < rows; ++r, x += n, y += n) {
    int32_t sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    const int64_t v = (int64_t)n * squares - (int64_t)sum * sum + added;
    int shift;
    const int64_t inverse = pz_inverse_root64(v > 0 ? (uint64_t)v : 1, &shift), half = (int64_t)1 << (shift - 1);
    for (int i = 0; i < n; ++i) {
      const int32_t unit = (int32_t)(((n * x[i] - sum) * inverse + half) >> shift);
      y[i] = (pz_i8)pz_clamp(pz_requant(unit * w[i] + b[i], m, s) + zero, -128, 127);
    }
  }
}

#endif
