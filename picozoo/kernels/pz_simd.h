/* Float products for cores with vector registers: tiles of R windows times 16 V outputs, kept in registers.

   Written with the vector extension of Clang and GCC, so that one text serves AVX-512, AVX, SSE and NEON. Weights are
   packed (ops/_simd.py) as blocks of 16 outputs: [block][k][16], zeros behind the last output. Sums run in the order of
   k, with fused multiply-add where the core has it: results equal those of the plain form within the rounding of a sum.
   Twin: ops/_simd.py. */
#ifndef PZ_SIMD_H
#define PZ_SIMD_H

#include "pz_base.h"

/* Other compilers get the same tiles in plain C. */
#if defined(__GNUC__) && !defined(PZ_NO_SIMD)
#define PZ_SIMD 1
#else
#define PZ_SIMD 0
#endif

#if PZ_SIMD
typedef float pz_v16 __attribute__((vector_size(64), aligned(4), __may_alias__));
typedef int32_t pz_m16 __attribute__((vector_size(64), aligned(4), __may_alias__));
#endif

/* Tiles that leave registers for weights and one input: 32 of 16 floats, 16 of 8, 32 of 4. */
#if defined(__AVX512F__)
#define PZ_TILE_ROWS 8
#define PZ_TILE_WIDE 2
#elif defined(__AVX__)
#define PZ_TILE_ROWS 6
#define PZ_TILE_WIDE 1
#else
#define PZ_TILE_ROWS 4
#define PZ_TILE_WIDE 1
#endif

#if defined(__clang__)
#define PZ_FUSED _Pragma("clang fp contract(fast)")
#else
#define PZ_FUSED
#endif

#if PZ_SIMD
/* Sums stay in registers only where every loop over them is unrolled. */
#define PZ_FULL _Pragma("GCC unroll 16")

/* By reference: compilers warn of vectors handed over by value. */
PZ_INLINE void pz_limit(pz_v16 *v, float lo, float hi) {
  const pz_v16 low = (pz_v16){0} + lo, high = (pz_v16){0} + hi;
  const pz_m16 below = *v < low, above = *v > high;
  *v = (pz_v16)((below & (pz_m16)low) | (above & (pz_m16)high) | (~(below | above) & (pz_m16)*v));
}

/* R windows, each `parts` pieces of n floats (at[r * parts + s]), times V blocks of weights k = parts * n apart.
   y: first output of each window, `step` apart; `left` outputs from there are real. R and V are literals. */
PZ_INLINE void pz_tile_f32(const pz_f32 *const *at, int parts, int n, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, int step,
                           int left, const int R, const int V, float lo, float hi) {
  PZ_FUSED
  pz_v16 sum[16];
  const int k = parts * n;
  PZ_FULL
  for (int v = 0; v < V; ++v) {
    pz_v16 b = {0};
    if (left >= 16 * (v + 1))
      b = *(const pz_v16 *)(const void *)(bias + 16 * v);
    else
      for (int i = 0; i < left - 16 * v; ++i) b[i] = bias[16 * v + i];
    PZ_FULL
    for (int r = 0; r < R; ++r) sum[r * V + v] = b;
  }
  for (int s = 0; s < parts; ++s) {
    const pz_f32 *p[8];
    PZ_FULL
    for (int r = 0; r < R; ++r) p[r] = at[r * parts + s];
    for (int i = 0; i < n; ++i, w += 16)
      PZ_FULL
      for (int v = 0; v < V; ++v) {
        const pz_v16 u = *(const pz_v16 *)(const void *)(w + v * k * 16);
        PZ_FULL
        for (int r = 0; r < R; ++r) sum[r * V + v] += p[r][i] * u;
      }
  }
  PZ_FULL
  for (int r = 0; r < R; ++r)
    PZ_FULL
    for (int v = 0; v < V; ++v) {
      pz_v16 out = sum[r * V + v];
      pz_f32 *to = y + r * step + 16 * v;
      pz_limit(&out, lo, hi);
      if (left >= 16 * (v + 1))
        *(pz_v16 *)(void *)to = out;
      else
        for (int i = 0; i < left - 16 * v; ++i) to[i] = out[i];
    }
}

#else
PZ_INLINE void pz_tile_f32(const pz_f32 *const *at, int parts, int n, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, int step,
                           int left, const int R, const int V, float lo, float hi) {
  for (int r = 0; r < R; ++r)
    for (int o = 0; o < left && o < 16 * V; ++o) {
      const pz_f32 *u = w + o / 16 * parts * n * 16 + o % 16;
      float sum = bias[o];
      for (int s = 0; s < parts; ++s)
        for (int i = 0; i < n; ++i, u += 16) sum += at[r * parts + s][i] * *u;
      y[r * step + o] = sum < lo ? lo : sum > hi ? hi : sum;
    }
}
#endif

/* All outputs of PZ_TILE_ROWS windows. */
PZ_INLINE void pz_tiles_f32(const pz_f32 *const *at, int parts, int n, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, int out,
                            float lo, float hi) {
  const int k = parts * n;
  int o = 0;
  for (; o + 16 * (PZ_TILE_WIDE - 1) < out; o += 16 * PZ_TILE_WIDE)
    pz_tile_f32(at, parts, n, w + o * k, bias + o, y + o, out, out - o, PZ_TILE_ROWS, PZ_TILE_WIDE, lo, hi);
  if (o < out) pz_tile_f32(at, parts, n, w + o * k, bias + o, y + o, out, out - o, PZ_TILE_ROWS, 1, lo, hi);
}

/* All outputs of one window: several blocks at once, since one sum alone waits for itself. */
PZ_INLINE void pz_tiles_f32_one(const pz_f32 *const *at, int parts, int n, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y,
                                int out, float lo, float hi) {
  const int k = parts * n;
  int o = 0;
  for (; o + 16 * 3 < out; o += 16 * 4)
    pz_tile_f32(at, parts, n, w + o * k, bias + o, y + o, out, out - o, 1, 4, lo, hi);
  for (; o < out; o += 16) pz_tile_f32(at, parts, n, w + o * k, bias + o, y + o, out, out - o, 1, 1, lo, hi);
}

#endif
