/* Layer normalisation of rows of n, weights in flash; the output may be the input. Twin: ops/layer_norm.py. */
#ifndef PZ_LAYER_NORM_H
#define PZ_LAYER_NORM_H

#include "pz_math.h"

PZ_KERNEL void pz_layer_norm_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *b, pz_f32 *y, int rows,
                                 int n, float eps) {
  for (int r = 0; r < rows; ++r, x += n, y += n) {
    float mean = 0.0f, var = 0.0f;
    for (int i = 0; i < n; ++i) mean += x[i];
    mean /= (float)n;
    for (int i = 0; i < n; ++i) var += (x[i] - mean) * (x[i] - mean);
    const float k = 1.0f / pz_sqrtf(var / (float)n + eps);
    for (int i = 0; i < n; ++i) y[i] = (x[i] - mean) * k * w[i] + b[i];
  }
}

#endif
