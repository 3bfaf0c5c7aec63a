/* Images [n][h][w][c] at the size [oh][ow], linear between neighbours. For each row and column of the output: lower and
   upper neighbour, and the part of the upper one (float, or in 1/1024). Twin: ops/resize_bilinear.py. */
#ifndef PZ_RESIZE_BILINEAR_H
#define PZ_RESIZE_BILINEAR_H

#include "pz_base.h"

PZ_INLINE int32_t pz_resize_round(int64_t v) { return (int32_t)((v + (v > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20)); }

/* A: type of the sum; W: of the parts; add: taken before, and `finish` takes it off again. */
#define PZ_DEFINE_RESIZE_BILINEAR(name, T, A, W, one, add, finish)                                                             \
  PZ_KERNEL void name(const T *x, T *y, const pz_i16 PZ_FLASH *y0, const pz_i16 PZ_FLASH *y1, const W PZ_FLASH *fy,            \
                      const pz_i16 PZ_FLASH *x0, const pz_i16 PZ_FLASH *x1, const W PZ_FLASH *fx, int n, int h, int w, int c,  \
                      int oh, int ow) {                                                                                        \
    for (int b = 0; b < n; ++b, x += h * w * c)                                                                                \
      for (int i = 0; i < oh; ++i)                                                                                             \
        for (int j = 0; j < ow; ++j) {                                                                                         \
          const T *a = x + (y0[i] * w + x0[j]) * c, *d = x + (y1[i] * w + x0[j]) * c;                                          \
          const T *e = x + (y0[i] * w + x1[j]) * c, *f = x + (y1[i] * w + x1[j]) * c;                                          \
          const A v = (A)fy[i], u = (A)fx[j];                                                                                  \
          for (int k = 0; k < c; ++k) {                                                                                        \
            const A s = (A)(a[k] + (add)) * ((one)-v) * ((one)-u) + (A)(d[k] + (add)) * v * ((one)-u) +                        \
                        (A)(e[k] + (add)) * ((one)-v) * u + (A)(f[k] + (add)) * v * u;                                         \
            *y++ = (T)(finish);                                                                                                \
          }                                                                                                                    \
        }                                                                                                                      \
  }

PZ_DEFINE_RESIZE_BILINEAR(pz_resize_bilinear_f32, pz_f32, float, pz_f32, 1.0f, 0.0f, s)
PZ_DEFINE_RESIZE_BILINEAR(pz_resize_bilinear_i8, pz_i8, int32_t, pz_i16, 1024, 0, pz_resize_round(s))
PZ_DEFINE_RESIZE_BILINEAR(pz_resize_bilinear_i16, pz_i16, int64_t, pz_i16, 1024, 0, pz_resize_round(s))
PZ_DEFINE_RESIZE_BILINEAR(pz_resize_bilinear_u8, pz_i8, float, pz_f32, 1.0f, 128, (int32_t)(s + 0.5f) - 128)

#endif
