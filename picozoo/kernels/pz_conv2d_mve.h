/* int8 convolution for cores with Helium (MVE); packed weights as in pz_mve.h. Twin: ops/conv2d.py. */
#ifndef PZ_CONV2D_MVE_H
#define PZ_CONV2D_MVE_H

#include "pz_mve.h"

PZ_INLINE void pz_copy8(pz_i8 *to, const pz_i8 *from, int n) {
#if PZ_MVE
  PZ_ROLLED
  for (; n > 0; n -= 16, to += 16, from += 16) {
    const mve_pred16_t p = vctp8q((uint32_t)n);
    vstrbq_p_s8(to, vldrbq_z_s8(from, p), p);
  }
#else
  for (int i = 0; i < n; ++i) to[i] = from[i];
#endif
}

PZ_INLINE void pz_fill8(pz_i8 *to, int value, int n) {
#if PZ_MVE
  PZ_ROLLED
  for (; n > 0; n -= 16, to += 16) vstrbq_p_s8(to, vdupq_n_s8((int8_t)value), vctp8q((uint32_t)n));
#else
  for (int i = 0; i < n; ++i) to[i] = (pz_i8)value;
#endif
}

/* Values from ix on, kw of them dw apart, of the input row x (wd pixels of c): `zero` outside. */
PZ_INLINE void pz_row8(const pz_i8 *x, pz_i8 *to, int wd, int c, int kw, int ix, int dw, int zero) {
  if (dw == 1) {
    const int before = ix < 0 ? (-ix < kw ? -ix : kw) : 0, end = ix + kw > wd ? wd : ix + kw;
    const int in = end > ix + before ? end - ix - before : 0;
    pz_fill8(to, zero, before * c);
    pz_copy8(to + before * c, x + (ix + before) * c, in * c);
    pz_fill8(to + (before + in) * c, zero, (kw - before - in) * c);
    return;
  }
  for (int k = 0; k < kw; ++k, ix += dw, to += c) {
    if (ix >= 0 && ix < wd)
      pz_copy8(to, x + ix * c, c);
    else
      pz_fill8(to, zero, c);
  }
}

/* The window at (iy, ix), kh rows of kw * c bytes. */
PZ_INLINE void pz_window8(const pz_i8 *x, pz_i8 *to, int h, int wd, int c, int kh, int kw, int iy, int ix, int dh, int dw,
                          int zero) {
  PZ_ROLLED
  for (int ky = 0; ky < kh; ++ky, iy += dh, to += kw * c) {
    if (iy < 0 || iy >= h)
      pz_fill8(to, zero, kw * c);
    else if (dw == 1 && ix >= 0 && ix + kw <= wd)
      pz_copy8(to, x + (iy * wd + ix) * c, kw * c);
    else
      pz_row8(x + iy * wd * c, to, wd, c, kw, ix, dw, zero);
  }
}

/* Two windows at a time. `direct`: weights are packed row by row, and a window is read where it lies if it is inside
   the input with what is read behind its rows; others, and all if not `direct`, are copied first.
   patch: two windows and 15 bytes. The packed biases hold bias - zero * sum of weights. */
PZ_KERNEL void pz_conv2d_i8_mve(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_i8 *patch, int n, int h, int wd, int c, int oh,
                                int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                int direct, const pz_out_args q) {
  const int row = kw * c, window = kh * row;
  const int rows = direct ? kh : 1, groups = direct ? PZ_GROUPS16(row) : PZ_GROUPS16(window);
  const pz_i8 *const start = x;
  const int last = n * h * wd * c - ((kh - 1) * dh * wd * c + 16 * groups); /* where a direct window may start */
  const int count = n * oh * ow;
  int oy = 0, ox = 0;
  PZ_ROLLED
  for (int i = 0; i < count; i += 2, y += 2 * o) {
    const int odd = i + 1 == count; /* the last of an odd number is computed twice, into the same place */
    const pz_i8 *p[2], *from[2];
    int iy[2], ix[2], in = direct && dw == 1, step = dh * wd * c;
    PZ_ROLLED
    for (int j = 0; j < 2; ++j) {
      iy[j] = oy * sh - pt, ix[j] = ox * sw - pl, from[j] = x;
      const int at = (iy[j] * wd + ix[j]) * c;
      in = in && iy[j] >= 0 && iy[j] + (kh - 1) * dh < h && ix[j] >= 0 && ix[j] + kw <= wd && x - start + at <= last;
      p[j] = x + at;
      if (odd) continue;
      if (++ox == ow) {
        ox = 0;
        if (++oy == oh) oy = 0, x += h * wd * c;
      }
    }
    if (!in) {
      step = row;
      PZ_ROLLED
      for (int j = 0; j < 2; ++j) {
        pz_window8(from[j], patch + j * window, h, wd, c, kh, kw, iy[j], ix[j], dh, dw, zero);
        p[j] = patch + j * window;
      }
    }
    pz_dot_2x4(p[0], p[1], w, y, odd ? y : y + o, rows, groups, step, o, q);
  }
}

/* Depthwise, one weight plane a channel. Input rows are copied to `ring` ((kh - 1) * dh + 1 rows of `width` pixels, and
   15 bytes), `zero` outside, before outputs are written: y may be x if the shapes are the same and the step is 1.
   Weights: for each 16 channels 16 biases (int32), for each place of the window 16 weights, 16 multipliers (int32), 16
   shifts (int8). Biases, multipliers and shifts are in the order in which products are widened: channels 0, 4, 8, 12,
   then 2, 6 ..., 1, 5 ..., 3, 7 ... `span`: so many products of any channel fit an int16. q.form as in pz_dot.h; the
   packed biases hold bias - zero * sum of weights. */
#define PZ_RING_MAX 16 /* rows of a window */

PZ_INLINE void pz_depthwise_block(const pz_i8 *const *rows, int at, const pz_u32 *w, pz_i8 *y, int left, int c, int kh, int kw,
                                  int dw, int span, const pz_out_args q) {
  const int taps = kh * kw;
  const pz_i8 *v = (const pz_i8 *)(w + 16);
  const pz_u32 *f = w + 16 + 4 * taps;
#if PZ_MVE
  int32x4_t a[4];
  for (int i = 0; i < 4; ++i) a[i] = vreinterpretq_s32_u32(vld1q_u32((const uint32_t *)w + 4 * i));
  const pz_i8 *p = rows[0] + at;
  PZ_EACH
  for (int t = 0; t < taps; t += span) {
    int16x8_t even = vdupq_n_s16(0), odd = even;
    PZ_EACH
    for (int u = t; u < taps && u < t + span; ++u) {
      const int8x16_t x = vld1q_s8(p), g = vld1q_s8(v + 16 * u);
      const int16x8_t e = vmullbq_int_s8(x, g), d = vmulltq_int_s8(x, g);
      p = u % kw < kw - 1 ? p + dw * c : u + 1 < taps ? rows[u / kw + 1] + at : p;
      if (dw * c > 127) __asm__("" : "+r"(p)); /* too far for an offset: one address that moves on, not many on the stack */
      even = u == t ? e : vaddq_s16(even, e);
      odd = u == t ? d : vaddq_s16(odd, d);
    }
    a[0] = vaddq_s32(a[0], vmovlbq_s16(even));
    a[1] = vaddq_s32(a[1], vmovltq_s16(even));
    a[2] = vaddq_s32(a[2], vmovlbq_s16(odd));
    a[3] = vaddq_s32(a[3], vmovltq_s16(odd));
  }
  for (int i = 0; i < 4; ++i)
    a[i] = pz_requant4(a[i], vreinterpretq_s32_u32(vld1q_u32((const uint32_t *)f + 4 * i)),
                       vldrbq_s32((const int8_t *)(f + 16) + 4 * i), q);
  int16x8_t even = vqmovnbq_s32(vdupq_n_s16(0), a[0]), odd = vqmovnbq_s32(vdupq_n_s16(0), a[2]);
  even = vqmovntq_s32(even, a[1]);
  odd = vqmovntq_s32(odd, a[3]);
  int8x16_t out = vqmovntq_s16(vqmovnbq_s16(vdupq_n_s8(0), even), odd);
  if (q.lo > -128) out = vmaxq_s8(out, vdupq_n_s8((int8_t)q.lo));
  if (q.hi < 127) out = vminq_s8(out, vdupq_n_s8((int8_t)q.hi));
  if (left >= 16)
    vst1q_s8(y, out);
  else
    vstrbq_p_s8(y, out, vctp8q((uint32_t)left));
#else
  (void)span;
  for (int i = 0; i < 16 && i < left; ++i) {
    const int place = i % 4 / 2 * 4 + i % 2 * 8 + i / 4; /* of channel i, in the order of widening */
    int32_t s = (int32_t)w[place];
    for (int t = 0; t < taps; ++t) s += (int32_t)rows[t / kw][at + t % kw * dw * c + i] * v[16 * t + i];
    const int32_t m = (int32_t)f[place];
    const int shift = ((const pz_i8 *)(f + 16))[place];
    y[i] = (pz_i8)pz_clamp(pz_requant(s, m, shift) + q.zero, q.lo, q.hi);
  }
#endif
}

PZ_KERNEL void pz_conv2d_i8_depthwise_mve(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_i8 *ring, int n, int h, int wd, int c,
                                          int oh, int ow, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                          int zero, int width, int span, const pz_out_args q) {
  const int depth = (kh - 1) * dh + 1, words = 36 + 4 * kh * kw;
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    int next = -pt; /* the next input row to copy */
    for (int oy = 0; oy < oh; ++oy) {
      const pz_i8 *rows[PZ_RING_MAX];
      for (; next < oy * sh - pt + depth; ++next) {
        pz_i8 *const to = ring + (next + pt) % depth * width * c;
        if (next < 0 || next >= h)
          pz_fill8(to, zero, width * c);
        else
          pz_row8(x + next * wd * c, to, wd, c, width, -pl, 1, zero);
      }
      for (int k = 0; k < kh; ++k) rows[k] = ring + (oy * sh + k * dh) % depth * width * c;
      for (int ox = 0; ox < ow; ++ox) {
        const pz_u32 *v = w;
        for (int ch = 0; ch < c; ch += 16, v += words) {
          const int left = c % 16 == 0 || ch + 16 <= c ? 16 : c % 16;
          pz_depthwise_block(rows, ox * sw * c + ch, v, y, left, c, kh, kw, dw, span, q);
          y += left;
        }
      }
    }
  }
}

#endif
