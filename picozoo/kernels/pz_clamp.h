/* Limit to [low, high]. Twin: ops/clamp.py. */
#ifndef PZ_CLAMP_H
#define PZ_CLAMP_H

#include "pz_base.h"

#define PZ_DEFINE_CLAMP(name, T)                                   \
  PZ_KERNEL void name(const T *x, T *y, int n, T low, T high) {    \
    for (int i = 0; i < n; ++i) {                                  \
      const T a = x[i];                                            \
      y[i] = a < low ? low : a > high ? high : a;                  \
    }                                                              \
  }

PZ_DEFINE_CLAMP(pz_clamp_f32, pz_f32)
PZ_DEFINE_CLAMP(pz_clamp_i8, pz_i8)
PZ_DEFINE_CLAMP(pz_clamp_i16, pz_i16)
PZ_DEFINE_CLAMP(pz_clamp_i32, pz_i32)

#endif
