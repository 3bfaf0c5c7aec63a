/* int8 convolution for processors with wide vectors; packed weights as in pz_tile16.h. Twin: ops/conv2d.py. */
#ifndef PZ_CONV2D_TILE16_H
#define PZ_CONV2D_TILE16_H

#include "pz_tile16.h"

/* A row of `count` windows: some at a time, the last ones perhaps partly again. */
PZ_INLINE void pz_tile_line(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int count, int o, const pz_tile_shape g,
                            const pz_out_args q) {
  const int windows = count < PZ_TILE_COUNT(o) ? count : PZ_TILE_COUNT(o);
  PZ_ROLLED
  for (int i = 0; i < count; i += windows) {
    const int at = i + windows <= count ? i : count - windows;
    pz_tile_row(p + at * g.window, w, y + at * o, windows, o, g, q);
  }
}

/* padded: ph * pw * c and 3 bytes, the input with its padding as far as windows reach. Biases: pz_tile16.h. */
PZ_KERNEL void pz_conv2d_i8_tile16(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_i8 *padded, int n, int h, int wd, int c, int oh,
                                   int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                   int ph, int pw, const pz_out_args q) {
  const int whole = dw == 1, per_row = whole ? 1 : kw;
  const pz_tile_shape g = {kh * per_row, ((whole ? kw : 1) * c + 3) / 4, per_row, dw * c, dh * pw * c, sw * c};
  const int flat = kh == 1 && kw == 1 && sh == 1 && sw == 1 && ow == pw; /* no row ends before the last */
  pz_tile_fill(padded + ph * pw * c, 0, 3, PZ_FLIP);
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    pz_tile_padded(x, padded, h, wd, c, pt, pl, ph, pw, zero, PZ_FLIP);
    if (flat) {
      pz_tile_line(padded, w, y, oh * ow, o, g, q);
    } else {
      PZ_ROLLED
      for (int oy = 0; oy < oh; ++oy) pz_tile_line(padded + oy * sh * pw * c, w, y + oy * ow * o, ow, o, g, q);
    }
    y += oh * ow * o;
  }
}

/* Depthwise. Weights: for each 32 channels two halves of 16 biases (int32), for each two places of the window two halves
   of 16 pairs (int16), then for each half what pz_tile16.h has behind a block's weights. The first half is channels 0 to
   3, 8 to 11, 16 to 19 and 24 to 27, the second what lies between: what interleaving vectors gives. padded: ph * pw * c
   and 31 bytes; y may be x. */
PZ_INLINE void pz_tile_depth(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int left, int c, int kh, int kw, int dh, int dw, int pw,
                             const pz_out_args q) {
  const int pairs = (kh * kw + 1) / 2;
  const pz_u32 *v = w + 32, *const f = v + 32 * pairs;
#if PZ_X86
  PZ_UNROLLED
  for (int j = 0; j < PZ_PARTS; ++j) { /* two vectors of sums are PZ_LANES * 2 channels */
    const int at = j * PZ_LANES, from_here = left - 2 * at;
    if (from_here <= 0) break;
    const pz_vec first = pz_v_load(w + at), second = pz_v_load(w + 16 + at);
    const int up = PZ_ON_LINES(q);
    pz_vec a = up ? pz_v_none() : first, b = up ? pz_v_none() : second;
    PZ_UNROLLED
    for (int t = 0; t < 2 * pairs; t += 2) {
      const int u = t + 1 < kh * kw ? t + 1 : t; /* behind the last: weights are zero */
      const pz_vec x = pz_v_wide(p + (t / kw * dh * pw + t % kw * dw) * c + 2 * at);
      const pz_vec z = pz_v_wide(p + (u / kw * dh * pw + u % kw * dw) * c + 2 * at);
      a = pz_v_pairs(a, PZ_V(unpacklo_epi16)(x, z), pz_v_load(v + 16 * t + at));
      b = pz_v_pairs(b, PZ_V(unpackhi_epi16)(x, z), pz_v_load(v + 16 * t + 16 + at));
    }
    if (up) a = PZ_V(add_epi32)(pz_v_up_by(a, 8), first), b = PZ_V(add_epi32)(pz_v_up_by(b, 8), second);
    a = pz_v_requant(a, pz_v_factors(f, at, q), q);
    b = pz_v_requant(b, pz_v_factors(f + PZ_TILE_FACTORS(q), at, q), q);
    const pz_vec both = PZ_V(packs_epi32)(a, b);
#if PZ_X86 == 512
    __m256i out = _mm512_cvtsepi16_epi8(both);
    if (q.lo > -128) out = _mm256_max_epi8(out, _mm256_set1_epi8((char)q.lo));
    if (q.hi < 127) out = _mm256_min_epi8(out, _mm256_set1_epi8((char)q.hi));
    if (left >= 32)
      _mm256_storeu_si256((__m256i *)(void *)y, out);
    else
      _mm256_mask_storeu_epi8(y, (__mmask32)(((uint64_t)1 << left) - 1u), out);
#else
    const __m128i out = _mm_packs_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    pz_store_bytes(y + 2 * at, pz_clamp_bytes(out, q.lo, q.hi), from_here);
#endif
  }
#else
  for (int i = 0; i < 32 && i < left; ++i) {
    const int half = i / 4 % 2, at = i / 8 * 4 + i % 4;
    int32_t s = 0;
    for (int t = 0; t < kh * kw; ++t) {
      const pz_i16 *const pair = (const pz_i16 *)(v + 32 * (t / 2) + 16 * half + at);
      s += (int32_t)p[(t / kw * dh * pw + t % kw * dw) * c + i] * pair[t % 2];
    }
    y[i] = pz_tile_output(s, w[16 * half + at], f + PZ_TILE_FACTORS(q) * half, at, q);
  }
#endif
}

PZ_KERNEL void pz_conv2d_i8_depthwise_tile16(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_i8 *padded, int n, int h, int wd,
                                             int c, int oh, int ow, int kh, int kw, int sh, int sw, int pt, int pl, int dh,
                                             int dw, int zero, int ph, int pw, const pz_out_args q) {
  const int words = 32 + (kh * kw + 1) / 2 * 32 + 2 * PZ_TILE_FACTORS(q);
  pz_tile_fill(padded + ph * pw * c, 0, 31, 0);
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    pz_tile_padded(x, padded, h, wd, c, pt, pl, ph, pw, zero, 0);
    for (int oy = 0; oy < oh; ++oy) {
      const pz_i8 *p = padded + oy * sh * pw * c;
      for (int ox = 0; ox < ow; ++ox, p += sw * c, y += c)
        for (int i = 0; i < c; i += 32) pz_tile_depth(p + i, w + i / 32 * words, y + i, c - i, c, kh, kw, dh, dw, pw, q);
    }
  }
}

#endif
