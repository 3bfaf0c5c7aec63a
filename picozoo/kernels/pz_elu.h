/* x for x > 0, else alpha * (e^x - 1). Source: Clevert et al., 2015. Twin: ops/elu.py. */
#ifndef PZ_ELU_H
#define PZ_ELU_H

#include "pz_math.h"

PZ_KERNEL void pz_elu_f32(const pz_f32 *x, pz_f32 *y, int n, float k) {
  for (int i = 0; i < n; ++i) {
    const float a = x[i];
    y[i] = a > 0.0f ? a : k * (pz_expf(a) - 1.0f);
  }
}

#endif
