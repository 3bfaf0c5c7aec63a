/* Two-dimensional convolution. x: [n][h][w][c], y: [n][oh][ow][o], float weights: [o][kh][kw][c / groups].
   Padding is given by its top and left sizes; what lies outside the input counts as zero. Twin: ops/conv2d.py. */
#ifndef PZ_CONV2D_H
#define PZ_CONV2D_H

#include "pz_pair.h"
#include "pz_simd.h"

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

/* Where the rows of the window at (iy, ix) lie: in x, or where they reach over its edge copied to `room`. */
PZ_INLINE void pz_window_f32(const pz_f32 *x, const pz_f32 **at, pz_f32 *room, int h, int wd, int c, int kh, int kw, int iy,
                             int ix, int dh, int dw) {
  const int inside = dw == 1 && ix >= 0 && ix + kw <= wd;
  for (int ky = 0; ky < kh; ++ky, iy += dh, room += kw * c) {
    if (inside && iy >= 0 && iy < h) {
      at[ky] = x + (iy * wd + ix) * c;
      continue;
    }
    at[ky] = room;
    for (int kx = 0; kx < kw; ++kx) {
      const int jx = ix + kx * dw, in = iy >= 0 && iy < h && jx >= 0 && jx < wd;
      const pz_f32 *p = x + (in ? iy * wd + jx : 0) * c;
      for (int i = 0; i < c; ++i) room[kx * c + i] = in ? p[i] : 0.0f;
    }
  }
}

/* The same with packed weights (pz_simd.h), one group. room: PZ_TILE_ROWS windows of kh * kw * c floats, then as many
   times kh pointers. Windows run on over the ends of rows; the last tile overlaps the one before it. */
PZ_KERNEL void pz_conv2d_f32_simd(const pz_f32 *x, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, pz_f32 *room, int n, int h,
                                  int wd, int c, int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh,
                                  int dw, float lo, float hi) {
  const int k = kh * kw * c, all = oh * ow;
  const pz_f32 **const at = (const pz_f32 **)(void *)(room + 8 * k);
  for (int b = 0; b < n; ++b, x += h * wd * c, y += all * o) {
    const int rows = all >= PZ_TILE_ROWS ? PZ_TILE_ROWS : 1;
    for (int first = 0; first < all; first += rows) {
      const int from = first + rows <= all ? first : all - rows;
      for (int r = 0; r < rows; ++r) {
        const int oy = (from + r) / ow, ox = (from + r) % ow;
        pz_window_f32(x, at + r * kh, room + r * k, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw);
      }
      if (rows > 1)
        pz_tiles_f32(at, kh, kw * c, w, bias, y + from * o, o, lo, hi);
      else
        pz_tiles_f32_one(at, kh, kw * c, w, bias, y + from * o, o, lo, hi);
    }
  }
}

/* Depthwise, one output a channel, weights [kh][kw][c]; 16 channels at a time, their weights in registers where the
   window is small. */
PZ_KERNEL void pz_conv2d_f32_depthwise(const pz_f32 *x, const pz_f32 *w, const pz_f32 *bias, pz_f32 *y, int n, int h, int wd,
                                       int c, int oh, int ow, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                       float lo, float hi) {
  PZ_FUSED
  for (int b = 0; b < n; ++b, x += h * wd * c, y += oh * ow * c) {
    int ch = 0;
#if PZ_SIMD
    for (; ch + 16 <= c; ch += 16) {
      const pz_v16 start = *(const pz_v16 *)(const void *)(bias + ch);
      for (int oy = 0; oy < oh; ++oy)
        for (int ox = 0; ox < ow; ++ox) {
          const int iy = oy * sh - pt, ix = ox * sw - pl;
          const int inside = iy >= 0 && iy + (kh - 1) * dh < h && ix >= 0 && ix + (kw - 1) * dw < wd;
          pz_v16 s = start;
          for (int ky = 0; ky < kh; ++ky)
            for (int kx = 0; kx < kw; ++kx) {
              const int jy = iy + ky * dh, jx = ix + kx * dw;
              if (!inside && (jy < 0 || jy >= h || jx < 0 || jx >= wd)) continue;
              s += *(const pz_v16 *)(const void *)(x + (jy * wd + jx) * c + ch) *
                   *(const pz_v16 *)(const void *)(w + (ky * kw + kx) * c + ch);
            }
          pz_limit(&s, lo, hi);
          *(pz_v16 *)(void *)(y + (oy * ow + ox) * c + ch) = s;
        }
    }
#endif
    for (; ch < c; ++ch)
      for (int oy = 0; oy < oh; ++oy)
        for (int ox = 0; ox < ow; ++ox) {
          float s = bias[ch];
          for (int ky = 0; ky < kh; ++ky)
            for (int kx = 0; kx < kw; ++kx) {
              const int jy = oy * sh - pt + ky * dh, jx = ox * sw - pl + kx * dw;
              if (jy < 0 || jy >= h || jx < 0 || jx >= wd) continue;
              s += x[(jy * wd + jx) * c + ch] * w[(ky * kw + kx) * c + ch];
            }
          y[(oy * ow + ox) * c + ch] = s < lo ? lo : s > hi ? hi : s;
        }
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

/* int8, weights [o][kh][kw][c]. patch: kh * kw * c bytes. q.bias holds bias - zero * sum of weights. `copied`: y lies
   over part of x, so that every window is copied before its pixel is written; `back`: from the last pixel to the
   first. `add`: where what is added to y lies, if there is a `line`; y may be there. */
PZ_INLINE void pz_conv2d_i8_any(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, pz_i8 *patch, int n, int h, int wd, int c,
                                int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                int copied, int back, const pz_requant_args q, const pz_i8 *add, const pz_line8_args line) {
  const int step = back ? -o : o;
  const int point = !copied && kh == 1 && kw == 1 && pt == 0 && pl == 0 && (oh - 1) * sh < h && (ow - 1) * sw < wd;
  if (back) x += (n - 1) * h * wd * c, y += (n * oh * ow - 1) * o, add += PZ_ADDS(line) ? (n * oh * ow - 1) * o : 0;
  for (int b = 0; b < n; ++b, x += back ? -h * wd * c : h * wd * c)
    for (int i = 0; i < oh; ++i)
      for (int j = 0; j < ow; ++j, y += step) {
        const int oy = back ? oh - 1 - i : i, ox = back ? ow - 1 - j : j;
        const pz_i8 *p = patch;
        if (point)
          p = x + (oy * sh * wd + ox * sw) * c;
        else
          pz_patch(x, patch, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero);
        pz_dot_plain(p, w, y, kh * kw * c, o, q, add, line);
        if (PZ_ADDS(line)) add += step;
      }
}

PZ_KERNEL void pz_conv2d_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, pz_i8 *patch, int n, int h, int wd, int c, int oh,
                            int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                            int copied, int back, const pz_requant_args q) {
  const pz_line8_args none = {0, 0, 0, 0, 0, 0};
  pz_conv2d_i8_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, copied, back, q, NULL, none);
}

/* As pz_conv2d_i8_pair_add. */
PZ_KERNEL void pz_conv2d_i8_add(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, pz_i8 *patch, int n, int h, int wd, int c,
                                int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                int copied, int back, const pz_requant_args q, const pz_i8 *add, const pz_line8_args line) {
  pz_conv2d_i8_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, copied, back, q, add, line);
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
   `row` (kw * c bytes). `up`: as in pz_widen4. */
PZ_INLINE void pz_patch_words(const pz_i8 *x, pz_u32 *to, pz_i8 *row, int step, int h, int wd, int c, int kh, int kw, int iy,
                              int ix, int dh, int dw, int zero, int up) {
  const int inside = dw == 1 && ix >= 0 && ix + kw <= wd;
  PZ_ROLLED
  for (int ky = 0; ky < kh; ++ky, iy += dh) {
    if (iy < 0 || iy >= h) {
      to = pz_widen_fill(zero * (1 << up), to, kw * c, step);
    } else {
      const pz_i8 *from = x + (iy * wd + ix) * c;
      if (!inside) {
        pz_edge_row(x + iy * wd * c, row, wd, c, kw, ix, dw, zero);
        from = row;
      }
      to = pz_widen_up(from, to, kw * c, step, up);
    }
  }
}

/* int8; w: the stream of pz_pair.h, with int16 weights if `wide`. Windows are copied before their pixels are written: y
   may lie over part of x (ops/_walk.py); `back`: from the last pixel to the first. patch: two windows as words, each
   rounded up to a multiple of four words, then kw * c bytes. `add`: where what is added to y lies, if there is a `line`;
   y may be there. */
PZ_INLINE void pz_conv2d_i8_pair_any(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c,
                                     int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                     int zero, int wide, int back, const pz_requant_args q, const pz_i8 *add,
                                     pz_line8_args line) {
  const int step = back ? -o : o;
#if PZ_ASM
  if (kw * c <= 8) __asm__("" : "+r"(patch)); /* short rows: its address in a register, not in every store */
  /* numbers of a sum are kept: made anew they are two instructions each */
  if (PZ_ADDS(line)) __asm__("" : "+r"(line.second), "+r"(line.first), "+r"(line.plus));
#endif
  const int groups = PZ_PATCH_GROUPS(kh, kw * c);
  pz_i8 *const row = (pz_i8 *)(patch + groups * 8);
  const int windows = 2 * kh * PZ_ROW_WORDS(kw * c);
  pz_clear_words(patch + windows, groups * 8 - windows); /* what no window writes */
  if (back) x += (n - 1) * h * wd * c, y += (n * oh * ow - 1) * o, add += PZ_ADDS(line) ? (n * oh * ow - 1) * o : 0;
  for (int b = 0; b < n; ++b, x += back ? -h * wd * c : h * wd * c) {
    int filled = 0;
    for (int i = 0; i < oh; ++i)
      for (int j = 0; j < ow; ++j) {
        const int oy = back ? oh - 1 - i : i, ox = back ? ow - 1 - j : j;
        pz_patch_words(x, patch + filled, row, 2, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero,
                       PZ_SCALE(q));
        filled ^= 1;
        if (!filled) {
          pz_pair_outputs(patch, w, y, y + step, groups, o, wide, q, add, PZ_ADDS(line) ? add + step : add, line);
          y += 2 * step;
          if (PZ_ADDS(line)) add += 2 * step;
        }
      }
    if (oh * ow & 1) { /* an odd number of windows: the last one is computed twice, into the same place */
      pz_pair_outputs(patch, w, y, y, groups, o, wide, q, add, add, line);
      y += step;
      if (PZ_ADDS(line)) add += step;
    }
  }
}

PZ_KERNEL void pz_conv2d_i8_pair(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c, int oh,
                                 int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int zero,
                                 int wide, int back, const pz_requant_args q) {
  const pz_line8_args none = {0, 0, 0, 0, 0, 0};
  pz_conv2d_i8_pair_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, wide, back, q, NULL, none);
}

/* Its results and the values at `add` to their sums (ops/conv2d_add.py). */
PZ_KERNEL void pz_conv2d_i8_pair_add(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_u32 *patch, int n, int h, int wd, int c,
                                     int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                     int zero, int wide, int back, const pz_requant_args q, const pz_i8 *add,
                                     const pz_line8_args line) {
  pz_conv2d_i8_pair_any(x, w, y, patch, n, h, wd, c, oh, ow, o, kh, kw, sh, sw, pt, pl, dh, dw, zero, wide, back, q, add, line);
}
#endif

/* int8 in groups, other than depthwise (pz_depthwise.h); weights [kh][kw][c / groups][o]. q.bias holds the plain bias. */
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
