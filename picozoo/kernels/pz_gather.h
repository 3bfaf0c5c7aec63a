/* y[o][k][i] = x[o][index[k]][i]; indices outside 0 .. rows - 1 are clamped. Twin: ops/gather.py. */
#ifndef PZ_GATHER_H
#define PZ_GATHER_H

#include "pz_base.h"

#define PZ_DEFINE_GATHER(name, T, I, R, SPACE)                                                                     \
  PZ_KERNEL void name(const void *px, const I SPACE *index, void *py, int outer, int rows, int inner, int count) { \
    const T *x = (const T *)px;                                                                                  \
    T *y = (T *)py;                                                                                              \
    for (int o = 0; o < outer; ++o, x += rows * inner)                                                           \
      for (int k = 0; k < count; ++k) {                                                                          \
        const R r = (R)index[k];                                                                                  \
        const T *row = x + (r < 0 ? 0 : r >= rows ? rows - 1 : (int)r) * inner;                                  \
        for (int i = 0; i < inner; ++i) *y++ = row[i];                                                           \
      }                                                                                                          \
  }
#define PZ_GATHER_TYPES(bytes, T)                                       \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_u8, T, pz_u8, int, )                  \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i16, T, pz_i16, int, )                \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i32, T, pz_i32, int32_t, )                \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i64, T, pz_i64, int64_t, )                \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_u8_flash, T, pz_u8, int, PZ_FLASH)    \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i16_flash, T, pz_i16, int, PZ_FLASH)  \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i32_flash, T, pz_i32, int32_t, PZ_FLASH)  \
  PZ_DEFINE_GATHER(pz_gather_##bytes##_i64_flash, T, pz_i64, int64_t, PZ_FLASH)

PZ_GATHER_TYPES(1, pz_u8)
PZ_GATHER_TYPES(2, pz_i16)
PZ_GATHER_TYPES(4, pz_u32)
PZ_GATHER_TYPES(8, pz_i64)

#endif
