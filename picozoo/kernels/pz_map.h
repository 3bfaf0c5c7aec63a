/* Element-by-element loops. Each PZ_DEFINE_ line makes one kernel; the output may be the input itself. */
#ifndef PZ_MAP_H
#define PZ_MAP_H

#include "pz_base.h"

/* y[i] = expr(a), i < n */
#define PZ_DEFINE_UNARY(name, TX, TY, expr)                        \
  PZ_KERNEL void name(const TX *x, TY *y, int n) {                 \
    for (int i = 0; i < n; ++i) {                                  \
      const TX a = x[i];                                           \
      y[i] = (TY)(expr);                                           \
    }                                                              \
  }

/* y = expr(a, b) over four nested loops; sa.., sb..: steps in elements, 0 where an operand repeats. */
#define PZ_BINARY_ARGS(T, TY)                                                                                      \
  const T *pa, const T *pb, TY *y, int n0, int n1, int n2, int n3, int sa0, int sa1, int sa2, int sa3, int sb0, \
      int sb1, int sb2, int sb3
#define PZ_BINARY_LOOPS(T, statement)                                         \
  for (int i0 = 0; i0 < n0; ++i0)                                             \
    for (int i1 = 0; i1 < n1; ++i1)                                           \
      for (int i2 = 0; i2 < n2; ++i2) {                                       \
        const T *ra = pa + i0 * sa0 + i1 * sa1 + i2 * sa2;                    \
        const T *rb = pb + i0 * sb0 + i1 * sb1 + i2 * sb2;                    \
        for (int i3 = 0; i3 < n3; ++i3) {                                     \
          const T a = ra[i3 * sa3], b = rb[i3 * sb3];                         \
          statement;                                                          \
        }                                                                     \
      }

#define PZ_DEFINE_BINARY(name, T, TY, expr) \
  PZ_KERNEL void name(PZ_BINARY_ARGS(T, TY)) { PZ_BINARY_LOOPS(T, *y++ = (TY)(expr)) }

/* The same, limited to [lo, hi]. */
#define PZ_DEFINE_BINARY_CLIP(name, T, expr)                    \
  PZ_KERNEL void name(PZ_BINARY_ARGS(T, T), T lo, T hi) {       \
    PZ_BINARY_LOOPS(T, const T v = expr; *y++ = v < lo ? lo : v > hi ? hi : v) \
  }

#endif
