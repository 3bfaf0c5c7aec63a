/* Gaussian error linear unit. Twin: ops/gelu.py. */
#ifndef PZ_GELU_H
#define PZ_GELU_H

#include "pz_math.h"

PZ_KERNEL void pz_gelu_f32(const pz_f32 *x, pz_f32 *y, int n, int tanh_form) {
  for (int i = 0; i < n; ++i) {
    const float a = x[i];
    const float g = tanh_form ? pz_tanhf(0.797884561f * (a + 0.044715f * a * a * a)) : pz_erff(a * 0.707106781f);
    y[i] = 0.5f * a * (1.0f + g);
  }
}

#endif
