/* int8 convolution for cores with a 32-bit multiplier only; packed weights as in pz_mul32.h. Twin: ops/conv2d.py. */
#ifndef PZ_CONV2D_MUL32_H
#define PZ_CONV2D_MUL32_H

#include "pz_conv2d.h"
#include "pz_mul32.h"

/* Where the row of a window at (iy, ix) can be read: in the input if it is inside, else it is copied to `row`. */
PZ_INLINE const pz_i8 *pz_window_row(const pz_i8 *x, pz_i8 *row, int h, int wd, int c, int kw, int iy, int ix, int dw, int zero) {
  if (iy < 0 || iy >= h) {
    PZ_ROLLED
    for (int i = 0; i < kw * c; ++i) row[i] = (pz_i8)zero;
    return row;
  }
  if (dw == 1 && ix >= 0 && ix + kw <= wd) return x + (iy * wd + ix) * c;
  pz_edge_row(x + iy * wd * c, row, wd, c, kw, ix, dw, zero);
  return row;
}

/* Two rows of n values as words. */
PZ_INLINE pz_u32 *pz_join_rows(const pz_i8 *a, const pz_i8 *b, pz_u32 *to, int n) {
  int i = 0;
  if (n % 4 == 0) {
    PZ_ROLLED
    for (; i < n; i += 4, to += 4) {
      to[0] = (uint32_t)a[i] + ((uint32_t)b[i] << 16);
      to[1] = (uint32_t)a[i + 1] + ((uint32_t)b[i + 1] << 16);
      to[2] = (uint32_t)a[i + 2] + ((uint32_t)b[i + 2] << 16);
      to[3] = (uint32_t)a[i + 3] + ((uint32_t)b[i + 3] << 16);
    }
  }
  PZ_ROLLED
  for (; i < n; ++i) *to++ = (uint32_t)a[i] + ((uint32_t)b[i] << 16);
  return to;
}

/* patch: kh * kw * c words rounded up to a multiple of `span`, then two rows of kw * c bytes.
   q.bias holds bias - zero * sum of weights. `add`: where what is added to y lies, if there is a `line`; y may be there. */
PZ_INLINE void pz_conv2d_i8_mul32_any(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c,
                                      int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                      int zero, int span, const pz_requant_args q, const pz_i8 *add,
                                      const pz_line8_args line) {
  const int k = kh * kw * c, words = (k + span - 1) / span * span, times = words / span, count = oh * ow;
  pz_i8 *const row = (pz_i8 *)(patch + words);
  for (int i = k; i < words; ++i) patch[i] = 0;
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    int oy = 0, ox = 0;
    PZ_ROLLED
    for (int i = 0; i < count; i += 2) {
      const int ay = oy * sh - pt, ax = ox * sw - pl, odd = i + 1 == count; /* the last of an odd number: with itself */
      if (!odd && ++ox == ow) ox = 0, ++oy;
      const int by = oy * sh - pt, bx = ox * sw - pl;
      if (++ox == ow) ox = 0, ++oy;
      pz_u32 *to = patch;
      PZ_ROLLED
      for (int r = 0; r < kh; ++r) {
        const pz_i8 *const first = pz_window_row(x, row, h, wd, c, kw, ay + r * dh, ax, dw, zero);
        to = pz_join_rows(first, pz_window_row(x, row + kw * c, h, wd, c, kw, by + r * dh, bx, dw, zero), to, kw * c);
      }
      const pz_u32 *v = w;
      pz_i8 *const second = odd ? y : y + o;
      PZ_ROLLED
      for (int oc = 0; oc < o; oc += 2) {
        pz_halves s;
        v = pz_conv_halves(patch, v, words, span, &s);
        PZ_ROLLED
        for (int j = 0; j < 2 && (o % 2 == 0 || oc + j < o); ++j) {
          const int32_t t = j ? s.t1 : s.t0, high = j ? s.h1 : s.h0, bias = q.bias[oc + j];
          const pz_i8 *const other = PZ_ADDS(line) ? add + oc + j : y;
          const int32_t k0 = other[0], k1 = other[odd ? 0 : o]; /* before y is written */
          const pz_i8 last = pz_finish(high + bias, oc + j, q);
          second[oc + j] = PZ_ADDS(line) ? pz_line8(last, k1, line) : last;
          const pz_i8 first = pz_finish(pz_low_sum(t, high, times) + bias, oc + j, q);
          y[oc + j] = PZ_ADDS(line) ? pz_line8(first, k0, line) : first;
        }
      }
      y += odd ? o : 2 * o;
      if (PZ_ADDS(line)) add += odd ? o : 2 * o;
    }
  }
}

PZ_KERNEL void pz_conv2d_i8_mul32(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c, int oh,
                                  int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                  int span, const pz_requant_args q) {
  const pz_line8_args none = {0, 0, 0, 0, 0, 0};
  pz_conv2d_i8_mul32_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, span, q, NULL, none);
}

/* As pz_conv2d_i8_pair_add. */
PZ_KERNEL void pz_conv2d_i8_mul32_add(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c,
                                      int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                      int zero, int span, const pz_requant_args q, const pz_i8 *add, const pz_line8_args line) {
  pz_conv2d_i8_mul32_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, span, q, add, line);
}

#endif
