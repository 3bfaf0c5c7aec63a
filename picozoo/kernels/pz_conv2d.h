/* Two-dimensional convolution. x: [n][h][w][c], y: [n][oh][ow][o], float weights: [o][kh][kw][c / groups].
   Padding is given by its top and left sizes; what lies outside the input counts as zero. Twin: ops/conv2d.py. */
#ifndef PZ_CONV2D_H
#define PZ_CONV2D_H

#include "pz_dot.h"

PZ_KERNEL void pz_conv2d_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *bias, pz_f32 *y, int n, int h,
                             int wd, int c, int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh,
                             int dw, int groups, float lo, float hi) {
  const int cg = c / groups, og = o / groups;
  for (int b = 0; b < n; ++b, x += h * wd * c)
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox)
        for (int oc = 0; oc < o; ++oc) {
          const pz_f32 PZ_FLASH *v = w + oc * kh * kw * cg;
          const int first = oc / og * cg;
          float s = bias[oc];
          for (int ky = 0; ky < kh; ++ky) {
            const int iy = oy * sh - pt + ky * dh;
            if (iy < 0 || iy >= h) continue;
            for (int kx = 0; kx < kw; ++kx) {
              const int ix = ox * sw - pl + kx * dw;
              if (ix < 0 || ix >= wd) continue;
              const pz_f32 *p = x + (iy * wd + ix) * c + first;
              const pz_f32 PZ_FLASH *u = v + (ky * kw + kx) * cg;
              for (int i = 0; i < cg; ++i) s += p[i] * u[i];
            }
          }
          *y++ = s < lo ? lo : s > hi ? hi : s;
        }
}

/* Copy the window at (iy, ix) to patch[kh][kw][c], `zero` outside the input. */
PZ_INLINE void pz_patch(const pz_i8 *x, pz_i8 *patch, int h, int wd, int c, int kh, int kw, int iy, int ix, int dh, int dw,
                        int zero) {
  for (int ky = 0; ky < kh; ++ky, iy += dh)
    for (int kx = 0; kx < kw; ++kx) {
      const int jx = ix + kx * dw;
      if (iy < 0 || iy >= h || jx < 0 || jx >= wd) {
        for (int i = 0; i < c; ++i) *patch++ = (pz_i8)zero;
      } else {
        const pz_i8 *p = x + (iy * wd + jx) * c;
        for (int i = 0; i < c; ++i) *patch++ = p[i];
      }
    }
}

/* int8, weights [o][kh][kw][c]. patch: kh * kw * c bytes. q.bias holds bias - zero * sum of weights. */
PZ_KERNEL void pz_conv2d_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, pz_i8 *patch, int n, int h, int wd, int c, int oh,
                            int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                            const pz_requant_args q) {
  const int point = kh == 1 && kw == 1 && pt == 0 && pl == 0 && (oh - 1) * sh < h && (ow - 1) * sw < wd;
  for (int b = 0; b < n; ++b, x += h * wd * c)
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox, y += o) {
        const pz_i8 *p = patch;
        if (point)
          p = x + (oy * sh * wd + ox * sw) * c;
        else
          pz_patch(x, patch, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero);
        pz_dot_plain(p, w, y, kh * kw * c, o, q);
      }
}

#if !defined(__AVR__)
/* kw * c values of a window's row at ix that reaches over the left or right edge of the input row x. */
PZ_INLINE void pz_edge_row(const pz_i8 *x, pz_i8 *row, int wd, int c, int kw, int ix, int dw, int zero) {
  if (c == 1) { /* worth unrolling, which the loop over channels is not */
    for (int kx = 0; kx < kw; ++kx, ix += dw) row[kx] = ix >= 0 && ix < wd ? x[ix] : (pz_i8)zero;
    return;
  }
  PZ_ROLLED
  for (int kx = 0; kx < kw; ++kx, ix += dw) {
    const int in = ix >= 0 && ix < wd;
    const pz_i8 *p = x + (in ? ix : 0) * c;
    PZ_ROLLED
    for (int i = 0; i < c; ++i) *row++ = in ? p[i] : (pz_i8)zero;
  }
}

/* The window at (iy, ix) as widened words, `step` apart: rows inside the input straight from it, others by way of
   `row` (kw * c bytes). */
PZ_INLINE void pz_patch_words(const pz_i8 *x, pz_u32 *to, pz_i8 *row, int step, int h, int wd, int c, int kh, int kw, int iy,
                              int ix, int dh, int dw, int zero) {
  const int inside = dw == 1 && ix >= 0 && ix + kw <= wd;
  PZ_ROLLED
  for (int ky = 0; ky < kh; ++ky, iy += dh) {
    if (iy < 0 || iy >= h) {
      to = pz_widen_fill(zero, to, kw * c, step);
    } else {
      const pz_i8 *from = x + (iy * wd + ix) * c;
      if (!inside) {
        pz_edge_row(x + iy * wd * c, row, wd, c, kw, ix, dw, zero);
        from = row;
      }
      to = pz_widen(from, to, kw * c, step);
    }
  }
}

/* int8 with packed weights (pz_dot.h), int16 ones if `wide`. patch: two windows as words, each rounded up to a multiple
   of four words, then kw * c bytes. */
PZ_KERNEL void pz_conv2d_i8_pair(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c, int oh,
                                 int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                 int wide, const pz_requant_args q) {
  const int groups = PZ_PATCH_GROUPS(kh, kw * c);
  pz_i8 *const row = (pz_i8 *)(patch + groups * 8);
  pz_clear_words(patch, groups * 8);
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    int filled = 0;
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox) {
        pz_patch_words(x, patch + filled, row, 2, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero);
        filled ^= 1;
        if (!filled) {
          pz_dot_pair2(patch, w, y, y + o, groups, o, wide, q);
          y += 2 * o;
        }
      }
    if (oh * ow & 1) { /* an odd number of windows: the last one is computed twice, into the same place */
      pz_dot_pair2(patch, w, y, y, groups, o, wide, q);
      y += o;
    }
  }
}
#endif

/* int8 in groups, depthwise among them; weights [kh][kw][c / groups][o]. q.bias holds the plain bias. */
PZ_KERNEL void pz_conv2d_i8_grouped(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, int n, int h, int wd, int c, int oh,
                                    int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int groups,
                                    int zero, const pz_requant_args q) {
  const int cg = c / groups, og = o / groups;
  for (int b = 0; b < n; ++b, x += h * wd * c)
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox)
        for (int oc = 0; oc < o; ++oc) {
          const int first = oc / og * cg;
          int32_t acc = q.bias[oc];
          for (int ky = 0; ky < kh; ++ky) {
            const int iy = oy * sh - pt + ky * dh;
            if (iy < 0 || iy >= h) continue;
            for (int kx = 0; kx < kw; ++kx) {
              const int ix = ox * sw - pl + kx * dw;
              if (ix < 0 || ix >= wd) continue;
              const pz_i8 *p = x + (iy * wd + ix) * c + first;
              const pz_i8 PZ_FLASH *v = w + (ky * kw + kx) * cg * o + oc;
              for (int i = 0; i < cg; ++i) acc += ((int32_t)p[i] - zero) * v[i * o];
            }
          }
          *y++ = pz_finish(acc, oc, q);
        }
}

#endif
