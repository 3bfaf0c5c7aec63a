/* Mean of each window of [n][h][w][c]; whole = 1 divides by the full window even at the edge (float only). The output
   may start where the input does if windows do not overlap and nothing hangs over. Twin: ops/avg_pool2d.py. */
#ifndef PZ_AVG_POOL2D_H
#define PZ_AVG_POOL2D_H

#include "pz_base.h"

PZ_INLINE float pz_mean_of_f32(float s, int count) { return s / (float)count; }

/* Halves away from zero. */
PZ_INLINE pz_i8 pz_mean_of_i8(int32_t s, int count) {
  return (pz_i8)(s < 0 ? -((-s + count / 2) / count) : (s + count / 2) / count);
}

PZ_INLINE pz_i16 pz_mean_of_i16(int32_t s, int count) {
  return (pz_i16)(s < 0 ? -((-s + count / 2) / count) : (s + count / 2) / count);
}

/* Halves up: the mean of values of uint8, each given 128 less. */
PZ_INLINE pz_i8 pz_mean_up(int32_t s, int count) { return (pz_i8)((s + 128 * (int32_t)count + count / 2) / count - 128); }

#define PZ_DEFINE_AVG_POOL2D(name, T, S, finish)                                                                       \
  PZ_KERNEL void name(const T *x, T *y, int n, int h, int w, int c, int oh, int ow, int kh, int kw, int sh, int sw,    \
                      int pt, int pl, int whole) {                                                                     \
    for (int b = 0; b < n; ++b, x += h * w * c)                                                                        \
      for (int oy = 0; oy < oh; ++oy) {                                                                                \
        const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;        \
        for (int ox = 0; ox < ow; ++ox) {                                                                              \
          const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;      \
          for (int i = 0; i < c; ++i) {                                                                                \
            S s = 0;                                                                                                   \
            for (int iy = y0; iy < y1; ++iy)                                                                           \
              for (int ix = x0; ix < x1; ++ix) s += x[(iy * w + ix) * c + i];                                          \
            *y++ = finish(s, whole ? kh * kw : (y1 - y0) * (x1 - x0));                                                 \
          }                                                                                                            \
        }                                                                                                              \
      }                                                                                                                \
  }

PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_f32, pz_f32, float, pz_mean_of_f32)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i8, pz_i8, int32_t, pz_mean_of_i8)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i8_up, pz_i8, int32_t, pz_mean_up)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i16, pz_i16, int32_t, pz_mean_of_i16)

#endif
