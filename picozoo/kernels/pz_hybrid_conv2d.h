/* Convolution of float activations with int8 weights; each of the n inputs is quantised first. Layouts as pz_conv2d.h.
   Twin: ops/hybrid_conv2d.py, of the quantisation ops/_hybrid.py. */
#ifndef PZ_HYBRID_CONV2D_H
#define PZ_HYBRID_CONV2D_H

#include "pz_quantize.h"

/* The factor and the zero point that numbers from low (at most 0) to high (at least 0) are quantised with. */
typedef struct {
  float scale, inverse;
  int32_t zero;
} pz_input_scale;

PZ_INLINE pz_input_scale pz_scale_of(float low, float high, int asymmetric) {
  pz_input_scale s = {1.0f, 0.0f, 0};
  if (!(low < high)) return s;
  if (asymmetric) {
    const float span = high - low;
    const float lost = high >= -low ? high - (span + low) : -low - (span - high);
    s.scale = span / 255.0f;
    s.scale += ((span - s.scale * 256.0f) + s.scale + lost) / 255.0f;
    s.zero = pz_clamp(pz_round_away(-128.0f - low / s.scale), -128, 127);
    s.inverse = 1.0f / s.scale;
  } else {
    const float top = high > -low ? high : -low;
    s.scale = top / 127.0f;
    s.inverse = 127.0f / top;
  }
  return s;
}

/* n floats to int8 in q; returns the scale, *zero gets the zero point. */
PZ_INLINE float pz_quantize_input(const pz_f32 *x, pz_i8 *q, int n, int asymmetric, int32_t *zero) {
  float low = 0.0f, high = 0.0f;
  for (int i = 0; i < n; ++i) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  const pz_input_scale s = pz_scale_of(low, high, asymmetric);
  const float shift = (float)s.zero;
  for (int i = 0; i < n; ++i) q[i] = (pz_i8)pz_clamp(pz_round_away(shift + x[i] * s.inverse), asymmetric ? -128 : -127, 127);
  *zero = s.zero;
  return s.scale;
}

/* scales: one for each channel if `per`, else one. q: h * wd * c bytes. */
PZ_KERNEL void pz_hybrid_conv2d(const pz_f32 *x, const pz_i8 PZ_FLASH *w, const pz_f32 PZ_FLASH *bias, const pz_f32 PZ_FLASH *scales,
                                pz_f32 *y, pz_i8 *q, int n, int h, int wd, int c, int oh, int ow, int o, int kh, int kw, int sh,
                                int sw, int pt, int pl, int dh, int dw, int groups, int per, int asymmetric, int apart,
                                float lo, float hi) {
  const int cg = c / groups, og = o / groups;
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    int32_t zero;
    const float scale = pz_quantize_input(x, q, h * wd * c, asymmetric, &zero);
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox)
        for (int oc = 0; oc < o; ++oc) {
          const pz_i8 PZ_FLASH *v = w + oc * kh * kw * cg;
          int32_t s = 0;
          for (int ky = 0; ky < kh; ++ky) {
            const int iy = oy * sh - pt + ky * dh;
            if (iy < 0 || iy >= h) continue;
            for (int kx = 0; kx < kw; ++kx) {
              const int ix = ox * sw - pl + kx * dw;
              if (ix < 0 || ix >= wd) continue;
              const pz_i8 *p = q + (iy * wd + ix) * c + oc / og * cg;
              const pz_i8 PZ_FLASH *u = v + (ky * kw + kx) * cg;
              for (int i = 0; i < cg; ++i) s += (p[i] - zero) * u[i];
            }
          }
          const float channel = scales[per ? oc : 0];
          const float a = (apart ? (float)s * channel * scale : (float)s * (scale * channel)) + bias[oc];
          *y++ = a < lo ? lo : a > hi ? hi : a;
        }
  }
}

#endif
