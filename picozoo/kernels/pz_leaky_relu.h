/* x for x > 0, else slope * x. Twin: ops/leaky_relu.py. */
#ifndef PZ_LEAKY_RELU_H
#define PZ_LEAKY_RELU_H

#include "pz_fixed.h"

PZ_KERNEL void pz_leaky_relu_f32(const pz_f32 *x, pz_f32 *y, int n, float k) {
  for (int i = 0; i < n; ++i) {
    const float a = x[i];
    y[i] = a > 0.0f ? a : a * k;
  }
}

/* int16, zero points 0: one factor above zero, another below. */
PZ_KERNEL void pz_leaky_relu_q16(const pz_i16 *x, pz_i16 *y, int n, int32_t m, int shift, int32_t mb, int below) {
  for (int i = 0; i < n; ++i) {
    const int32_t v = x[i] >= 0 ? pz_requant(x[i], m, shift) : pz_requant(x[i], mb, below);
    y[i] = (pz_i16)pz_clamp(v, -32768, 32767);
  }
}

#endif
