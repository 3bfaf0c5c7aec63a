/* a to the power b, float only. Twin: ops/pow.py. */
#ifndef PZ_POW_H
#define PZ_POW_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_BINARY(pz_pow_f32, pz_f32, pz_f32, pz_powf(a, b))

#define PZ_DEFINE_POW(name, T, U)                                                   \
  PZ_INLINE T name##_one(T a, T b) {                                                \
    U base = (U)a, y = 1;                                                           \
    if (b < 0) return 0;                                                            \
    for (U k = (U)b; k; k >>= 1, base *= base)                                      \
      if (k & 1) y *= base;                                                         \
    return (T)y;                                                                    \
  }                                                                                 \
  PZ_DEFINE_BINARY(name, T, T, name##_one(a, b))

PZ_DEFINE_POW(pz_pow_i32, pz_i32, uint32_t)
PZ_DEFINE_POW(pz_pow_i64, pz_i64, uint64_t)

#endif
