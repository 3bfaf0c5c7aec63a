/* Quantised convolution with int16 activations, or weights of 16 bits. Layouts as pz_conv2d.h; the zero point of the
   weights is taken from them already. Twin: ops/wide_conv2d.py. */
#ifndef PZ_WIDE_CONV2D_H
#define PZ_WIDE_CONV2D_H

#include "pz_fixed.h"

/* A sum of up to 40 bits times a factor of 31 bits, rounded once; shift from -31 to 0. In two halves, which 64 bits hold. */
PZ_INLINE int32_t pz_requant_once64(int64_t x, int32_t m, int shift) {
  const int64_t low = (x & 0xffff) * m + ((int64_t)1 << (30 - shift));
  const int64_t high = (x >> 16) * m + (low >> 16);
  return (int32_t)(high >> (15 - shift));
}

/* multiplier, shift: one for each channel if `per`, else one. */
#define PZ_DEFINE_WIDE_CONV2D(name, T, W, ACC, BIAS, requant)                                                                  \
  PZ_KERNEL void name(const T *x, const W PZ_FLASH *w, const BIAS PZ_FLASH *bias, const pz_i32 PZ_FLASH *multiplier,           \
                      const pz_i8 PZ_FLASH *shift, T *y, int n, int h, int wd, int c, int oh, int ow, int o, int kh, int kw,   \
                      int sh, int sw, int pt, int pl, int dh, int dw, int groups, int per, int32_t zx, int32_t zy, int32_t lo, \
                      int32_t hi) {                                                                                            \
    const int cg = c / groups, og = o / groups;                                                                                \
    for (int b = 0; b < n; ++b, x += h * wd * c)                                                                               \
      for (int oy = 0; oy < oh; ++oy)                                                                                          \
        for (int ox = 0; ox < ow; ++ox)                                                                                        \
          for (int oc = 0; oc < o; ++oc) {                                                                                     \
            const W PZ_FLASH *v = w + oc * kh * kw * cg;                                                                       \
            ACC s = bias[oc];                                                                                                  \
            for (int ky = 0; ky < kh; ++ky) {                                                                                  \
              const int iy = oy * sh - pt + ky * dh;                                                                           \
              if (iy < 0 || iy >= h) continue;                                                                                 \
              for (int kx = 0; kx < kw; ++kx) {                                                                                \
                const int ix = ox * sw - pl + kx * dw;                                                                         \
                if (ix < 0 || ix >= wd) continue;                                                                              \
                const T *p = x + (iy * wd + ix) * c + oc / og * cg;                                                            \
                const W PZ_FLASH *u = v + (ky * kw + kx) * cg;                                                                 \
                for (int i = 0; i < cg; ++i) s += (ACC)(p[i] - zx) * u[i];                                                 \
              }                                                                                                                \
            }                                                                                                                  \
            const int at = per ? oc : 0;                                                                                       \
            *y++ = (T)pz_clamp(requant(s, multiplier[at], shift[at]) + zy, lo, hi);                                            \
          }                                                                                                                    \
  }

PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i8_i8_i32_twice, pz_i8, pz_i8, int32_t, pz_i32, pz_requant)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i8_i8_i32_once, pz_i8, pz_i8, int32_t, pz_i32, pz_requant_once)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i8_i16_i32_twice, pz_i8, pz_i16, int32_t, pz_i32, pz_requant)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i8_i16_i32_once, pz_i8, pz_i16, int32_t, pz_i32, pz_requant_once)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i16_i8_i32_twice, pz_i16, pz_i8, int32_t, pz_i32, pz_requant)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i16_i8_i32_once, pz_i16, pz_i8, int32_t, pz_i32, pz_requant_once)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i16_i8_i64_once, pz_i16, pz_i8, int64_t, pz_i64, pz_requant_once64)
PZ_DEFINE_WIDE_CONV2D(pz_wide_conv2d_i16_i8_i64_long, pz_i16, pz_i8, int64_t, pz_i64, pz_requant_long)

#endif
