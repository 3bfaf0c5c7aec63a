/* x: [n][c][h][w]; regions: [r][4]; y: [r][c][oh][ow]. The maximum is taken of the weighted neighbours, as ONNX has it.
   Twin: ops/roi_align.py. */
#ifndef PZ_ROI_ALIGN_H
#define PZ_ROI_ALIGN_H

#include "pz_math.h"

PZ_INLINE int pz_roi_points(float bin, int ratio) {
  const int n = ratio ? ratio : (int)-pz_floorf(-bin);
  return n < 1 ? 1 : n;
}

PZ_INLINE void pz_roi_corners(const pz_f32 *p, float v, float u, int h, int w, float *q) {
  q[0] = q[1] = q[2] = q[3] = 0.0f;
  if (!(v >= -1.0f && v <= (float)h && u >= -1.0f && u <= (float)w)) return;
  if (v < 0.0f) v = 0.0f;
  if (u < 0.0f) u = 0.0f;
  const int a = (int)v >= h - 1 ? h - 1 : (int)v, b = (int)u >= w - 1 ? w - 1 : (int)u;
  const int c = a + 1 < h ? a + 1 : h - 1, d = b + 1 < w ? b + 1 : w - 1;
  const float fv = a == h - 1 ? 0.0f : v - (float)a, fu = b == w - 1 ? 0.0f : u - (float)b;
  q[0] = p[a * w + b] * (1.0f - fv) * (1.0f - fu);
  q[1] = p[a * w + d] * (1.0f - fv) * fu;
  q[2] = p[c * w + b] * fv * (1.0f - fu);
  q[3] = p[c * w + d] * fv * fu;
}

#define PZ_DEFINE_ROI_ALIGN(name, I)                                                                                 \
  PZ_KERNEL void name(const pz_f32 *x, const pz_f32 *region, const I *batch, pz_f32 *y, int n, int c, int h, int w,  \
                      int r, int oh, int ow, int ratio, float scale, int half, int top) {                            \
    const float shift = half ? 0.5f : 0.0f;                                                                          \
    for (int k = 0; k < r; ++k, region += 4) {                                                                       \
      const int at = batch[k] < 0 ? 0 : batch[k] >= n ? n - 1 : (int)batch[k];                                       \
      const float x1 = region[0] * scale - shift, y1 = region[1] * scale - shift;                                    \
      float rw = region[2] * scale - shift - x1, rh = region[3] * scale - shift - y1;                                \
      if (!half && rw < 1.0f) rw = 1.0f;                                                                             \
      if (!half && rh < 1.0f) rh = 1.0f;                                                                             \
      const float bh = rh / (float)oh, bw = rw / (float)ow;                                                          \
      const int gh = pz_roi_points(bh, ratio), gw = pz_roi_points(bw, ratio);                                        \
      for (int ch = 0; ch < c; ++ch)                                                                                 \
        for (int oy = 0; oy < oh; ++oy)                                                                              \
          for (int ox = 0; ox < ow; ++ox) {                                                                          \
            float s = 0.0f, best = 0.0f;                                                                             \
            for (int i = 0; i < gh; ++i)                                                                             \
              for (int j = 0; j < gw; ++j) {                                                                         \
                float q[4];                                                                                          \
                const float v = y1 + (float)oy * bh + ((float)i + 0.5f) * bh / (float)gh;                            \
                const float u = x1 + (float)ox * bw + ((float)j + 0.5f) * bw / (float)gw;                            \
                pz_roi_corners(x + (at * c + ch) * h * w, v, u, h, w, q);                                            \
                for (int m = 0; m < 4; ++m) {                                                                        \
                  s += q[m];                                                                                         \
                  if ((i == 0 && j == 0 && m == 0) || q[m] > best) best = q[m];                                      \
                }                                                                                                    \
              }                                                                                                      \
            *y++ = top ? best : s / (float)(gh * gw);                                                                \
          }                                                                                                          \
    }                                                                                                                \
  }

PZ_DEFINE_ROI_ALIGN(pz_roi_align_i32, pz_i32)
PZ_DEFINE_ROI_ALIGN(pz_roi_align_i64, pz_i64)

#endif
