/* Convolution at displaced points. x: [n][c][h][w], weights: [o][c / groups][kh][kw], offset: [n][2 * og * kh * kw][oh][ow],
   mask: [n][og * kh * kw][oh][ow]. Twin: ops/deform_conv.py. */
#ifndef PZ_DEFORM_CONV_H
#define PZ_DEFORM_CONV_H

#include "pz_math.h"

/* Interpolated between four neighbours; zeros outside. */
PZ_INLINE float pz_deform_point(const pz_f32 *p, int h, int w, float v, float u) {
  if (!(v > -1.0f && v < (float)h && u > -1.0f && u < (float)w)) return 0.0f;
  const float a = pz_floorf(v), b = pz_floorf(u), fv = v - a, fu = u - b;
  const int i = (int)a, j = (int)b;
  float s = 0.0f;
  if (i >= 0 && j >= 0) s += p[i * w + j] * ((1.0f - fv) * (1.0f - fu));
  if (i >= 0 && j + 1 < w) s += p[i * w + j + 1] * ((1.0f - fv) * fu);
  if (i + 1 < h && j >= 0) s += p[(i + 1) * w + j] * (fv * (1.0f - fu));
  if (i + 1 < h && j + 1 < w) s += p[(i + 1) * w + j + 1] * (fv * fu);
  return s;
}

PZ_KERNEL void pz_deform_conv_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 *offset, const pz_f32 *mask,
                                  const pz_f32 PZ_FLASH *bias, pz_f32 *y, int n, int c, int h, int wd, int o, int oh,
                                  int ow, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw, int groups,
                                  int og) {
  const int k = kh * kw, cg = c / groups, per = c / og, area = oh * ow;
  for (int b = 0; b < n; ++b, x += c * h * wd, offset += 2 * og * k * area, mask += og * k * area)
    for (int oc = 0; oc < o; ++oc)
      for (int i = 0; i < oh; ++i)
        for (int u = 0; u < ow; ++u) {
          float s = bias[oc];
          for (int m = 0; m < cg; ++m) {
            const int ch = oc / (o / groups) * cg + m;
            for (int v = 0; v < k; ++v) {
              const int q = ch / per * k + v, at = i * ow + u;
              const float py = (float)(i * sh - pt + v / kw * dh) + offset[2 * q * area + at];
              const float px = (float)(u * sw - pl + v % kw * dw) + offset[(2 * q + 1) * area + at];
              s += pz_deform_point(x + ch * h * wd, h, wd, py, px) * mask[q * area + at] * w[(oc * cg + m) * k + v];
            }
          }
          *y++ = s;
        }
}

#endif
