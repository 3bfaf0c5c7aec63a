/* x for x > 0, else slope * x. Twin: ops/leaky_relu.py. */
#ifndef PZ_LEAKY_RELU_H
#define PZ_LEAKY_RELU_H

#include "pz_base.h"

PZ_KERNEL void pz_leaky_relu_f32(const pz_f32 *x, pz_f32 *y, int n, float k) {
  for (int i = 0; i < n; ++i) {
    const float a = x[i];
    y[i] = a > 0.0f ? a : a * k;
  }
}

#endif
