/* Determinants of `count` matrices of n by n; a: n * n values of working memory. Twin: ops/det.py. */
#ifndef PZ_DET_H
#define PZ_DET_H

#include "pz_math.h"

PZ_KERNEL void pz_det_f32(const pz_f32 *x, pz_f32 *y, pz_f32 *a, int count, int n) {
  for (int m = 0; m < count; ++m, x += n * n) {
    float det = 1.0f;
    for (int i = 0; i < n * n; ++i) a[i] = x[i];
    for (int k = 0; k < n; ++k) {
      int top = k;
      for (int i = k + 1; i < n; ++i)
        if (pz_fabsf(a[i * n + k]) > pz_fabsf(a[top * n + k])) top = i;
      if (top != k) {
        det = -det;
        for (int j = k; j < n; ++j) {
          const float t = a[k * n + j];
          a[k * n + j] = a[top * n + j];
          a[top * n + j] = t;
        }
      }
      const float pivot = a[k * n + k];
      det *= pivot;
      if (pivot == 0.0f) break;
      for (int i = k + 1; i < n; ++i) {
        const float f = a[i * n + k] / pivot;
        for (int j = k + 1; j < n; ++j) a[i * n + j] -= f * a[k * n + j];
      }
    }
    y[m] = det;
  }
}

#endif
