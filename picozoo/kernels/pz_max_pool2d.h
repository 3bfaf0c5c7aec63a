/* Largest value of each window of [n][h][w][c]. The output may start where the input does if windows do not overlap
   and nothing hangs over the edge (it never overtakes the input). Twin: ops/max_pool2d.py. */
#ifndef PZ_MAX_POOL2D_H
#define PZ_MAX_POOL2D_H

#include "pz_base.h"

#define PZ_DEFINE_MAX_POOL2D(name, T)                                                                                  \
  PZ_KERNEL void name(const T *x, T *y, int n, int h, int w, int c, int oh, int ow, int kh, int kw, int sh, int sw,    \
                      int pt, int pl) {                                                                                \
    for (int b = 0; b < n; ++b, x += h * w * c)                                                                        \
      for (int oy = 0; oy < oh; ++oy) {                                                                                \
        const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;        \
        for (int ox = 0; ox < ow; ++ox) {                                                                              \
          const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;      \
          for (int i = 0; i < c; ++i) {                                                                                \
            T top = x[(y0 * w + x0) * c + i];                                                                          \
            for (int iy = y0; iy < y1; ++iy)                                                                           \
              for (int ix = x0; ix < x1; ++ix) {                                                                       \
                const T v = x[(iy * w + ix) * c + i];                                                                  \
                if (v > top) top = v;                                                                                  \
              }                                                                                                        \
            *y++ = top;                                                                                                \
          }                                                                                                            \
        }                                                                                                              \
      }                                                                                                                \
  }

PZ_DEFINE_MAX_POOL2D(pz_max_pool2d_f32, pz_f32)
PZ_DEFINE_MAX_POOL2D(pz_max_pool2d_i8, pz_i8)
PZ_DEFINE_MAX_POOL2D(pz_max_pool2d_i16, pz_i16)

#endif
