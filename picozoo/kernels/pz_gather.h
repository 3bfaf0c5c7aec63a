/* y[o][k][i] = x[o][index[k]][i]; indices outside 0 .. rows - 1 are clamped. FROM and AT say where x and the indices lie:
   nothing, or PZ_FLASH. Twin: ops/gather.py. */
#ifndef PZ_GATHER_H
#define PZ_GATHER_H

#include "pz_base.h"

#define PZ_DEFINE_GATHER(name, T, I, R, FROM, AT)                                                              \
  PZ_KERNEL void name(const void FROM *px, const I AT *index, void *py, int outer, int rows, int inner, int count) { \
    const T FROM *x = (const T FROM *)px;                                                                            \
    T *y = (T *)py;                                                                                                  \
    for (int o = 0; o < outer; ++o, x += rows * inner)                                                               \
      for (int k = 0; k < count; ++k) {                                                                              \
        const R r = (R)index[k];                                                                                     \
        const T FROM *row = x + (r < 0 ? 0 : r >= rows ? rows - 1 : (int)r) * inner;                                 \
        for (int i = 0; i < inner; ++i) *y++ = row[i];                                                               \
      }                                                                                                              \
  }
#define PZ_GATHER_INDICES(name, T, FROM)                                    \
  PZ_DEFINE_GATHER(name##_u8, T, pz_u8, int, FROM, )                        \
  PZ_DEFINE_GATHER(name##_i16, T, pz_i16, int, FROM, )                      \
  PZ_DEFINE_GATHER(name##_i32, T, pz_i32, int32_t, FROM, )                  \
  PZ_DEFINE_GATHER(name##_i64, T, pz_i64, int64_t, FROM, )                  \
  PZ_DEFINE_GATHER(name##_u8_flash, T, pz_u8, int, FROM, PZ_FLASH)          \
  PZ_DEFINE_GATHER(name##_i16_flash, T, pz_i16, int, FROM, PZ_FLASH)        \
  PZ_DEFINE_GATHER(name##_i32_flash, T, pz_i32, int32_t, FROM, PZ_FLASH)    \
  PZ_DEFINE_GATHER(name##_i64_flash, T, pz_i64, int64_t, FROM, PZ_FLASH)
#define PZ_GATHER_TYPES(bytes, T)               \
  PZ_GATHER_INDICES(pz_gather_##bytes, T, )     \
  PZ_GATHER_INDICES(pz_gather_table_##bytes, T, PZ_FLASH)

PZ_GATHER_TYPES(1, pz_u8)
PZ_GATHER_TYPES(2, pz_i16)
PZ_GATHER_TYPES(4, pz_u32)
PZ_GATHER_TYPES(8, pz_i64)

#endif
