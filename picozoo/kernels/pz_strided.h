/* Copy between two layouts: four nested loops, steps in elements. Used by transpose, slice, expand, pad, concat. */
#ifndef PZ_STRIDED_H
#define PZ_STRIDED_H

#include "pz_base.h"

#define PZ_DEFINE_STRIDED(name, T)                                                                          \
  PZ_KERNEL void name(const T *x, T *y, int n0, int n1, int n2, int n3, int xs0, int xs1, int xs2, int xs3, \
                      int ys0, int ys1, int ys2, int ys3) {                                                 \
    for (int i0 = 0; i0 < n0; ++i0)                                                                         \
      for (int i1 = 0; i1 < n1; ++i1)                                                                       \
        for (int i2 = 0; i2 < n2; ++i2) {                                                                   \
          const T *from = x + i0 * xs0 + i1 * xs1 + i2 * xs2;                                               \
          T *to = y + i0 * ys0 + i1 * ys1 + i2 * ys2;                                                       \
          for (int i3 = 0; i3 < n3; ++i3) to[i3 * ys3] = from[i3 * xs3];                                    \
        }                                                                                                   \
  }

PZ_DEFINE_STRIDED(pz_strided_1, pz_u8)
PZ_DEFINE_STRIDED(pz_strided_2, pz_i16)
PZ_DEFINE_STRIDED(pz_strided_4, pz_u32)
PZ_DEFINE_STRIDED(pz_strided_8, pz_i64)

#define PZ_DEFINE_FILL(name, T)                      \
  PZ_KERNEL void name(T *y, T value, int n) {        \
    for (int i = 0; i < n; ++i) y[i] = value;        \
  }

PZ_DEFINE_FILL(pz_fill_f32, pz_f32)
PZ_DEFINE_FILL(pz_fill_i8, pz_i8)
PZ_DEFINE_FILL(pz_fill_u8, pz_u8)
PZ_DEFINE_FILL(pz_fill_i16, pz_i16)
PZ_DEFINE_FILL(pz_fill_i32, pz_i32)
PZ_DEFINE_FILL(pz_fill_i64, pz_i64)
PZ_DEFINE_FILL(pz_fill_bool, pz_bool)

#endif
