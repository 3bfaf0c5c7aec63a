/* Transposed convolution, each output gathered from the inputs that reach it. x: [n][d][h][w][c], y: [n][od][oh][ow][o],
   weights: [o][kd][kh][kw][c / groups]; results are held between lo and hi. Twin: ops/conv_transpose.py. */
#ifndef PZ_CONV_TRANSPOSE_H
#define PZ_CONV_TRANSPOSE_H

#include "pz_base.h"

/* The input that adds to output `at` by way of kernel place k; -1 if there is none. */
PZ_INLINE int pz_transposed_from(int at, int k, int stride, int before, int dilation, int size) {
  const int p = at + before - k * dilation;
  return p < 0 || p % stride != 0 || p / stride >= size ? -1 : p / stride;
}

PZ_KERNEL void pz_conv_transpose_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *bias, pz_f32 *y,
                                     int n, int d, int h, int wd, int c, int od, int oh, int ow, int o, int kd, int kh,
                                     int kw, int sd, int sh, int sw, int pd, int ph, int pw, int dd, int dh, int dw,
                                     int groups, float lo, float hi) {
  const int cg = c / groups, og = o / groups;
  for (int b = 0; b < n; ++b, x += d * h * wd * c)
    for (int oz = 0; oz < od; ++oz)
      for (int oy = 0; oy < oh; ++oy)
        for (int ox = 0; ox < ow; ++ox)
          for (int oc = 0; oc < o; ++oc) {
            const pz_f32 PZ_FLASH *v = w + oc * kd * kh * kw * cg;
            float s = bias[oc];
            for (int kz = 0; kz < kd; ++kz) {
              const int iz = pz_transposed_from(oz, kz, sd, pd, dd, d);
              if (iz < 0) continue;
              for (int ky = 0; ky < kh; ++ky) {
                const int iy = pz_transposed_from(oy, ky, sh, ph, dh, h);
                if (iy < 0) continue;
                for (int kx = 0; kx < kw; ++kx) {
                  const int ix = pz_transposed_from(ox, kx, sw, pw, dw, wd);
                  if (ix < 0) continue;
                  const pz_f32 *p = x + ((iz * h + iy) * wd + ix) * c + oc / og * cg;
                  const pz_f32 PZ_FLASH *u = v + ((kz * kh + ky) * kw + kx) * cg;
                  for (int i = 0; i < cg; ++i) s += p[i] * u[i];
                }
              }
            }
            *y++ = s < lo ? lo : s > hi ? hi : s;
          }
}

#endif
