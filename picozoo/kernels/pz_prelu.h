/* x for x >= 0, else slope * x, in float or in int8 with slopes of int8 or int16. The output may be x, or in float the
   slopes, where they have its shape. Twin: ops/prelu.py. */
#ifndef PZ_PRELU_H
#define PZ_PRELU_H

#include "pz_fixed.h"
#include "pz_map.h"

PZ_DEFINE_BINARY(pz_prelu_f32, pz_f32, pz_f32, a >= 0 ? a : a * b)

#define PZ_DEFINE_PRELU(name, T)                                                                                         \
  PZ_KERNEL void name(const pz_i8 *px, const T *pslope, pz_i8 *y, int n0, int n1, int n2, int n3, int sx0, int sx1,      \
                      int sx2, int sx3, int s0, int s1, int s2, int s3, int32_t m, int shift, int32_t mb, int below,     \
                      int32_t zx, int32_t za, int32_t zy) {                                                              \
    for (int i0 = 0; i0 < n0; ++i0)                                                                                      \
      for (int i1 = 0; i1 < n1; ++i1)                                                                                    \
        for (int i2 = 0; i2 < n2; ++i2) {                                                                                \
          const pz_i8 *x = px + i0 * sx0 + i1 * sx1 + i2 * sx2;                                                          \
          const T *slope = pslope + i0 * s0 + i1 * s1 + i2 * s2;                                                         \
          for (int i3 = 0; i3 < n3; ++i3) {                                                                              \
            const int32_t v = x[i3 * sx3] - zx;                                                                          \
            const int32_t r = v >= 0 ? pz_requant(v, m, shift) : pz_requant(v * (slope[i3 * s3] - za), mb, below);       \
            *y++ = (pz_i8)pz_clamp(r + zy, -128, 127);                                                                   \
          }                                                                                                              \
        }                                                                                                                \
  }
PZ_DEFINE_PRELU(pz_prelu_i8_i8, pz_i8)
PZ_DEFINE_PRELU(pz_prelu_i8_i16, pz_i16)

#endif
