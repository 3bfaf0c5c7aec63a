/* Fully connected layer. x: [rows][k], w: [out][k], bias: [out], y: [rows][out]. Twin: ops/linear.py. */
#ifndef PZ_LINEAR_H
#define PZ_LINEAR_H

#include "pz_dot.h"
#include "pz_simd.h"

PZ_KERNEL void pz_linear_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *bias, pz_f32 *y, int rows, int k,
                             int out, float lo, float hi) {
  for (int r = 0; r < rows; ++r, x += k) {
    const pz_f32 PZ_FLASH *v = w;
    for (int o = 0; o < out; ++o, v += k) {
      float s0 = bias[o], s1 = 0.0f;
      int i = 0;
      for (; i + 1 < k; i += 2) {
        s0 += x[i] * v[i];
        s1 += x[i + 1] * v[i + 1];
      }
      if (i < k) s0 += x[i] * v[i];
      s0 += s1;
      *y++ = s0 < lo ? lo : s0 > hi ? hi : s0;
    }
  }
}

/* The same with packed weights (pz_simd.h). */
PZ_KERNEL void pz_linear_f32_simd(const pz_f32 *x, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, int rows, int k, int out,
                                  float lo, float hi) {
  const pz_f32 *at[PZ_TILE_ROWS];
  int r = 0;
  for (; r + PZ_TILE_ROWS <= rows; r += PZ_TILE_ROWS) {
    for (int i = 0; i < PZ_TILE_ROWS; ++i) at[i] = x + (r + i) * k;
    pz_tiles_f32(at, 1, k, w, bias, y + r * out, out, lo, hi);
  }
  for (; r < rows; ++r) {
    at[0] = x + r * k;
    pz_tiles_f32_one(at, 1, k, w, bias, y + r * out, out, lo, hi);
  }
}

/* int8; q.bias holds bias - zero point of x * sum of weights. */
PZ_KERNEL void pz_linear_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, int rows, int k, int out, const pz_requant_args q) {
  const pz_line8_args none = {0, 0, 0, 0, 0, 0};
  for (int r = 0; r < rows; ++r) pz_dot_plain(x + r * k, w, y + r * out, k, out, q, NULL, none);
}

#if !defined(__AVR__)
/* int8 with packed weights (pz_dot.h). patch: k values as words, rounded up to a multiple of four words. */
PZ_KERNEL void pz_linear_i8_pair(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int rows, int k, int out,
                                 const pz_requant_args q) {
  const int n = PZ_PATCH_GROUPS(1, k);
  pz_clear_words(patch + PZ_ROW_WORDS(k), n * 4 - PZ_ROW_WORDS(k));
  for (int r = 0; r < rows; ++r) {
    pz_widen(x + r * k, patch, k, 1);
    pz_dot_pair1(patch, w, y + r * out, n, out, q);
  }
}
#endif

#endif
