/* Convolution of float activations with int8 weights for processors with wide vectors: pz_hybrid_conv2d with the tiles of
   pz_tile16.h. Twin: ops/hybrid_conv2d.py, the packer ops/_tile16.py.

   Packed form: as in pz_tile16.h, with 16 sums of weights (int32) and 16 scales (float) in the place of the biases and
   16 biases (float) in that of the factors. Depthwise: for each 32 channels their sums in two halves, the pairs, then
   for each half 16 scales and 16 biases. */
#ifndef PZ_HYBRID_TILE16_H
#define PZ_HYBRID_TILE16_H

#include "pz_conv2d_tile16.h"
#include "pz_hybrid_conv2d.h"

/* What all outputs of an input share. apart: times the channel's scale, then the input's. */
typedef struct {
  float scale, lo, hi;
  int32_t zero;
  int apart;
} pz_hybrid_args;

PZ_INLINE float pz_hybrid_finish(int32_t s, float channel, float bias, const pz_hybrid_args q) {
  const float a = (q.apart ? (float)s * channel * q.scale : (float)s * (q.scale * channel)) + bias;
  return a < q.lo ? q.lo : a > q.hi ? q.hi : a;
}

#if PZ_X86
PZ_INLINE pz_floats pz_v_hybrid(pz_vec s, const pz_f32 *channel, const pz_f32 *bias, const pz_hybrid_args q) {
  const pz_floats v = PZ_V(cvtepi32_ps)(s), f = PZ_V(loadu_ps)(channel), scale = PZ_V(set1_ps)(q.scale);
  const pz_floats a = q.apart ? PZ_V(mul_ps)(PZ_V(mul_ps)(v, f), scale) : PZ_V(mul_ps)(v, PZ_V(mul_ps)(scale, f));
  const pz_floats y = PZ_V(add_ps)(a, PZ_V(loadu_ps)(bias));
  return PZ_V(min_ps)(PZ_V(max_ps)(y, PZ_V(set1_ps)(q.lo)), PZ_V(set1_ps)(q.hi));
}

/* As pz_quantize_input. */
PZ_INLINE float pz_quantize_input_tile16(const pz_f32 *x, pz_i8 *q, int n, int asymmetric, int32_t *zero) {
  float low = 0.0f, high = 0.0f, ends[2][PZ_LANES];
  pz_floats l = PZ_V(setzero_ps)(), h = l;
  int i = 0;
  for (; i + PZ_LANES <= n; i += PZ_LANES) {
    const pz_floats v = PZ_V(loadu_ps)(x + i);
    l = PZ_V(min_ps)(v, l);
    h = PZ_V(max_ps)(v, h);
  }
  PZ_V(storeu_ps)(ends[0], l);
  PZ_V(storeu_ps)(ends[1], h);
  for (int k = 0; k < PZ_LANES; ++k) {
    if (ends[0][k] < low) low = ends[0][k];
    if (ends[1][k] > high) high = ends[1][k];
  }
  for (; i < n; ++i) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  const pz_input_scale s = pz_scale_of(low, high, asymmetric);
  const pz_out_args limits = {0, 0, asymmetric ? -128 : -127, 127};
  const float shift = (float)s.zero;
  for (i = 0; i + 16 <= n; i += 16) {
    pz_ints16 v;
    PZ_UNROLLED
    for (int k = 0; k < PZ_PARTS; ++k) {
      const pz_floats f = PZ_V(mul_ps)(PZ_V(loadu_ps)(x + i + k * PZ_LANES), PZ_V(set1_ps)(s.inverse));
      v.v[k] = pz_v_round_away(PZ_V(add_ps)(PZ_V(set1_ps)(shift), f));
    }
    pz_store_bytes(q + i, pz_limit16(v, limits), 16);
  }
  for (; i < n; ++i) q[i] = (pz_i8)pz_clamp(pz_round_away(shift + x[i] * s.inverse), limits.lo, 127);
  *zero = s.zero;
  return s.scale;
}

PZ_INLINE void pz_hybrid_tile(const pz_i8 *p, const pz_u32 *w, pz_f32 *y, int windows, int blocks, int left, int out_c,
                              const pz_tile_shape g, const pz_hybrid_args q) {
  const int words = PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours) + PZ_TILE_PLAIN;
  const pz_vec off = PZ_V(set1_epi32)(-(q.zero + PZ_FLIP));
  pz_sums16 acc[PZ_TILE_MOST][4];
  pz_tile_sums(p, w + PZ_TILE_BIAS, acc, windows, blocks, words, g);
  PZ_UNROLLED
  for (int b = 0; b < blocks; ++b) {
    const pz_u32 *const v = w + b * words, *const f = v + PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours);
    pz_ints16 start = pz_load16(v);
    PZ_UNROLLED
    for (int k = 0; k < PZ_PARTS; ++k) start.v[k] = PZ_V(mullo_epi32)(start.v[k], off);
    PZ_TILE_UNROLLED
    for (int i = 0; i < windows; ++i) {
      const pz_ints16 sum = pz_total16(&acc[i][b], start, 0);
      PZ_UNROLLED
      for (int k = 0; k < PZ_PARTS; ++k) {
        const int at = k * PZ_LANES, rest = left - 16 * b - at;
        const pz_f32 *const scales = (const pz_f32 *)(const void *)(v + 16 + at);
        const pz_floats out = pz_v_hybrid(sum.v[k], scales, (const pz_f32 *)(const void *)(f + at), q);
        if (rest > 0) pz_v_store_floats(y + i * out_c + 16 * b + at, out, rest);
      }
    }
  }
}
#else
PZ_INLINE float pz_quantize_input_tile16(const pz_f32 *x, pz_i8 *q, int n, int asymmetric, int32_t *zero) {
  return pz_quantize_input(x, q, n, asymmetric, zero);
}

PZ_INLINE void pz_hybrid_tile(const pz_i8 *p, const pz_u32 *w, pz_f32 *y, int windows, int blocks, int left, int out_c,
                              const pz_tile_shape g, const pz_hybrid_args q) {
  const pz_u32 *const f = w + PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours);
  const pz_f32 *const scales = (const pz_f32 *)(const void *)(w + 16), *const bias = (const pz_f32 *)(const void *)f;
  int32_t sums[2][16];
  (void)blocks;
  pz_tile_sums(p, (const pz_i8 *)(w + PZ_TILE_BIAS), sums, windows > 1 ? g.window : 0, g);
  PZ_ROLLED
  for (int i = 0; i < windows; ++i)
    for (int c = 0; c < 16 && c < left; ++c)
      y[i * out_c + c] = pz_hybrid_finish(sums[i][c] - q.zero * (int32_t)w[c], scales[c], bias[c], q);
}
#endif

/* A row of `count` windows, as pz_tile_line and pz_tile_row. */
PZ_INLINE void pz_hybrid_line(const pz_i8 *p, const pz_u32 *w, pz_f32 *y, int count, int out_c, const pz_tile_shape g,
                              const pz_hybrid_args q) {
  const int words = PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours) + PZ_TILE_PLAIN;
  const int windows = count < PZ_TILE_COUNT(out_c) ? count : PZ_TILE_COUNT(out_c);
  const int most = PZ_TILE_BLOCKS(windows), all = (out_c + 15) / 16, whole = all / most * most;
  PZ_ROLLED
  for (int i = 0; i < count; i += windows) {
    const int at = i + windows <= count ? i : count - windows;
    const pz_i8 *const from = p + at * g.window;
    pz_f32 *const to = y + at * out_c;
    PZ_ROLLED
    for (int b = 0; b < whole; b += most)
      pz_hybrid_tile(from, w + b * words, to + 16 * b, windows, most, out_c - 16 * b, out_c, g, q);
    if (all > whole)
      pz_hybrid_tile(from, w + whole * words, to + 16 * whole, windows, all - whole, out_c - 16 * whole, out_c, g, q);
  }
}

/* As pz_hybrid_conv2d with one group. q: h * wd * c bytes, behind them ph * pw * c and 3, the input with its padding. */
PZ_KERNEL void pz_hybrid_conv2d_tile16(const pz_f32 *x, const pz_u32 *w, pz_f32 *y, pz_i8 *q, int n, int h, int wd, int c, int oh,
                                       int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int ph,
                                       int pw, int asymmetric, int apart, float lo, float hi) {
  const int whole = dw == 1, per_row = whole ? 1 : kw;
  const pz_tile_shape g = {kh * per_row, ((whole ? kw : 1) * c + 3) / 4, per_row, dw * c, dh * pw * c, sw * c};
  const int flat = kh == 1 && kw == 1 && sh == 1 && sw == 1 && ow == pw;
  pz_i8 *const padded = q + h * wd * c;
  pz_tile_fill(padded + ph * pw * c, 0, 3, PZ_FLIP);
  for (int b = 0; b < n; ++b, x += h * wd * c, y += oh * ow * o) {
    pz_hybrid_args a = {0.0f, lo, hi, 0, apart};
    a.scale = pz_quantize_input_tile16(x, q, h * wd * c, asymmetric, &a.zero);
    pz_tile_padded(q, padded, h, wd, c, pt, pl, ph, pw, a.zero, PZ_FLIP);
    if (flat) {
      pz_hybrid_line(padded, w, y, oh * ow, o, g, a);
    } else {
      PZ_ROLLED
      for (int oy = 0; oy < oh; ++oy) pz_hybrid_line(padded + oy * sh * pw * c, w, y + oy * ow * o, ow, o, g, a);
    }
  }
}

/* Up to 32 channels of one output. */
PZ_INLINE void pz_hybrid_depth(const pz_i8 *p, const pz_u32 *w, pz_f32 *y, int left, int c, int kh, int kw, int dh, int dw, int pw,
                               const pz_hybrid_args q) {
  const int pairs = (kh * kw + 1) / 2;
  const pz_u32 *v = w + 32;
  const pz_f32 *const f = (const pz_f32 *)(const void *)(v + 32 * pairs);
#if PZ_X86
  const pz_vec off = PZ_V(set1_epi32)(-q.zero);
  pz_f32 out[32];
  PZ_UNROLLED
  for (int j = 0; j < PZ_PARTS; ++j) {
    const int at = j * PZ_LANES;
    if (left - 2 * at <= 0) break;
    pz_vec a = PZ_V(mullo_epi32)(pz_v_load(w + at), off), b = PZ_V(mullo_epi32)(pz_v_load(w + 16 + at), off);
    PZ_UNROLLED
    for (int t = 0; t < 2 * pairs; t += 2) {
      const int u = t + 1 < kh * kw ? t + 1 : t;
      const pz_vec x = pz_v_wide(p + (t / kw * dh * pw + t % kw * dw) * c + 2 * at);
      const pz_vec z = pz_v_wide(p + (u / kw * dh * pw + u % kw * dw) * c + 2 * at);
      a = pz_v_pairs(a, PZ_V(unpacklo_epi16)(x, z), pz_v_load(v + 16 * t + at));
      b = pz_v_pairs(b, PZ_V(unpackhi_epi16)(x, z), pz_v_load(v + 16 * t + 16 + at));
    }
    pz_f32 halves[2][PZ_LANES];
    PZ_V(storeu_ps)(halves[0], pz_v_hybrid(a, f + at, f + 16 + at, q));
    PZ_V(storeu_ps)(halves[1], pz_v_hybrid(b, f + 32 + at, f + 48 + at, q));
    PZ_UNROLLED
    for (int i = 0; i < 2 * PZ_LANES; i += 4) __builtin_memcpy(out + 2 * at + i, halves[i / 4 % 2] + i / 8 * 4, 16);
  }
  if (left >= 32)
    __builtin_memcpy(y, out, sizeof out);
  else
    for (int i = 0; i < left; ++i) y[i] = out[i];
#else
  for (int i = 0; i < 32 && i < left; ++i) {
    const int half = i / 4 % 2, at = i / 8 * 4 + i % 4;
    int32_t s = -q.zero * (int32_t)w[16 * half + at];
    for (int t = 0; t < kh * kw; ++t) {
      const pz_i16 *const pair = (const pz_i16 *)(v + 32 * (t / 2) + 16 * half + at);
      s += (int32_t)p[(t / kw * dh * pw + t % kw * dw) * c + i] * pair[t % 2];
    }
    y[i] = pz_hybrid_finish(s, f[32 * half + at], f[32 * half + 16 + at], q);
  }
#endif
}

/* As pz_hybrid_conv2d with a group a channel. q: h * wd * c bytes, behind them ph * pw * c and 31. */
PZ_KERNEL void pz_hybrid_depthwise_tile16(const pz_f32 *x, const pz_u32 *w, pz_f32 *y, pz_i8 *q, int n, int h, int wd, int c,
                                          int oh, int ow, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                          int ph, int pw, int asymmetric, int apart, float lo, float hi) {
  const int words = 32 + (kh * kw + 1) / 2 * 32 + 64;
  pz_i8 *const padded = q + h * wd * c;
  pz_tile_fill(padded + ph * pw * c, 0, 31, 0);
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    pz_hybrid_args a = {0.0f, lo, hi, 0, apart};
    a.scale = pz_quantize_input_tile16(x, q, h * wd * c, asymmetric, &a.zero);
    pz_tile_padded(q, padded, h, wd, c, pt, pl, ph, pw, a.zero, 0);
    for (int oy = 0; oy < oh; ++oy) {
      const pz_i8 *p = padded + oy * sh * pw * c;
      for (int ox = 0; ox < ow; ++ox, p += sw * c, y += c)
        for (int i = 0; i < c; i += 32) pz_hybrid_depth(p + i, w + i / 32 * words, y + i, c - i, c, kh, kw, dh, dw, pw, a);
    }
  }
}

#endif
