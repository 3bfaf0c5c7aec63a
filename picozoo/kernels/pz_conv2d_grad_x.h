/* Gradient of conv2d for its input: gx [n][h][wd][c] from gy [n][oh][ow][o] and weights [o][kh][kw][c / groups].
   gx is cleared first and shares nothing. Twin: ops/conv2d_grad_x.py. */
#ifndef PZ_CONV2D_GRAD_X_H
#define PZ_CONV2D_GRAD_X_H

#include "pz_base.h"

PZ_KERNEL void pz_conv2d_grad_x_f32(const pz_f32 *gy, const pz_f32 *w, pz_f32 *gx, int n, int h, int wd, int c, int oh,
                                    int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int groups) {
  const int cg = c / groups, og = o / groups;
  for (int i = 0; i < n * h * wd * c; ++i) gx[i] = 0.0f;
  for (int b = 0; b < n; ++b, gx += h * wd * c)
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox)
        for (int oc = 0; oc < o; ++oc) {
          const float g = *gy++;
          for (int ky = 0; ky < kh; ++ky) {
            const int iy = oy * sh - pt + ky * dh;
            if (iy < 0 || iy >= h) continue;
            for (int kx = 0; kx < kw; ++kx) {
              const int ix = ox * sw - pl + kx * dw;
              if (ix < 0 || ix >= wd) continue;
              const pz_f32 *u = w + ((oc * kh + ky) * kw + kx) * cg;
              pz_f32 *p = gx + (iy * wd + ix) * c + oc / og * cg;
              for (int i = 0; i < cg; ++i) p[i] += g * u[i];
            }
          }
        }
}

#endif
