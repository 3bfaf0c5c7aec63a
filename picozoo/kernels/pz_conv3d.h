/* Three-dimensional convolution. x: [n][d][h][w][c], y: [n][od][oh][ow][o], weights: [o][kd][kh][kw][c / groups]. What lies
   outside the input counts as zero. Twin: ops/conv3d.py. */
#ifndef PZ_CONV3D_H
#define PZ_CONV3D_H

#include "pz_base.h"

#define PZ_DEFINE_CONV3D(name, T, S)                                                                                       \
  PZ_KERNEL void name(const T *x, const T PZ_FLASH *w, const T PZ_FLASH *bias, T *y, int n,                                \
                               int d, int h, int wd, int c, int od, int oh, int ow, int o, int kd, int kh, int kw, int sd, \
                               int sh, int sw, int pd, int ph, int pw, int dd, int dh, int dw, int groups) {               \
    const int cg = c / groups, og = o / groups;                                                                            \
    for (int b = 0; b < n; ++b, x += d * h * wd * c)                                                                       \
      for (int oz = 0; oz < od; ++oz)                                                                                      \
        for (int oy = 0; oy < oh; ++oy)                                                                                    \
          for (int ox = 0; ox < ow; ++ox)                                                                                  \
            for (int oc = 0; oc < o; ++oc) {                                                                               \
              const T PZ_FLASH *v = w + oc * kd * kh * kw * cg;                                                            \
              S s = (S)bias[oc];                                                                                           \
              for (int kz = 0; kz < kd; ++kz) {                                                                            \
                const int iz = oz * sd - pd + kz * dd;                                                                     \
                if (iz < 0 || iz >= d) continue;                                                                           \
                for (int ky = 0; ky < kh; ++ky) {                                                                          \
                  const int iy = oy * sh - ph + ky * dh;                                                                   \
                  if (iy < 0 || iy >= h) continue;                                                                         \
                  for (int kx = 0; kx < kw; ++kx) {                                                                        \
                    const int ix = ox * sw - pw + kx * dw;                                                                 \
                    if (ix < 0 || ix >= wd) continue;                                                                      \
                    const T *p = x + ((iz * h + iy) * wd + ix) * c + oc / og * cg;                                         \
                    const T PZ_FLASH *u = v + ((kz * kh + ky) * kw + kx) * cg;                                             \
                    for (int i = 0; i < cg; ++i) s += (S)p[i] * (S)u[i];                                                   \
                  }                                                                                                        \
                }                                                                                                          \
              }                                                                                                            \
              *y++ = (T)s;                                                                                                 \
            }                                                                                                              \
  }

PZ_DEFINE_CONV3D(pz_conv3d_f32, pz_f32, float)
PZ_DEFINE_CONV3D(pz_conv3d_i32, pz_i32, uint32_t)

#endif
