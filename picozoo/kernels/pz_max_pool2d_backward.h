/* Gradient of max_pool2d: gy [n][oh][ow][c] goes to the largest element of its window in x [n][h][w][c], the first of
   equals; gx is cleared first and may share nothing. Twin: ops/max_pool2d_backward.py. */
#ifndef PZ_MAX_POOL2D_BACKWARD_H
#define PZ_MAX_POOL2D_BACKWARD_H

#include "pz_base.h"

PZ_KERNEL void pz_max_pool2d_backward_f32(const pz_f32 *gy, const pz_f32 *x, pz_f32 *gx, int n, int h, int w, int c, int oh,
                                          int ow, int kh, int kw, int sh, int sw, int pt, int pl) {
  for (int i = 0; i < n * h * w * c; ++i) gx[i] = 0.0f;
  for (int b = 0; b < n; ++b, x += h * w * c, gx += h * w * c)
    for (int oy = 0; oy < oh; ++oy) {
      const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;
      for (int ox = 0; ox < ow; ++ox) {
        const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;
        for (int i = 0; i < c; ++i) {
          int best = (y0 * w + x0) * c + i;
          for (int iy = y0; iy < y1; ++iy)
            for (int ix = x0; ix < x1; ++ix) {
              const int at = (iy * w + ix) * c + i;
              if (x[at] > x[best]) best = at;
            }
          gx[best] += *gy++;
        }
      }
    }
}

#endif
