/* y changed in one place for each index; o: the old value, v: the new one. shape: of the indices; steps: of y. Twin:
   ops/scatter_elements.py. */
#ifndef PZ_SCATTER_ELEMENTS_H
#define PZ_SCATTER_ELEMENTS_H

#include "pz_index.h"

#define PZ_DEFINE_SCATTER_ELEMENTS(name, T, I, expr)                                                              \
  PZ_KERNEL void name(const I *index, const T *values, T *y, int n, int rank, const int *shape, const int *steps, \
                      int axis, int size) {                                                                       \
    for (int k = 0; k < n; ++k) {                                                                                 \
      T *at = y + pz_offset(k, rank, shape, steps, axis) + pz_place(index[k], size) * steps[axis];                \
      const T o = *at, v = values[k];                                                                             \
      (void)o;                                                                                                    \
      *at = (T)(expr);                                                                                            \
    }                                                                                                             \
  }

PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_f32_i32, pz_f32, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_f32_i32, pz_f32, pz_i32, (float)o + (float)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_f32_i32, pz_f32, pz_i32, (float)o * (float)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_f32_i32, pz_f32, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_f32_i32, pz_f32, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i8_i32, pz_i8, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i8_i32, pz_i8, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i8_i32, pz_i8, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i8_i32, pz_i8, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i8_i32, pz_i8, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_u8_i32, pz_u8, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_u8_i32, pz_u8, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_u8_i32, pz_u8, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_u8_i32, pz_u8, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_u8_i32, pz_u8, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i16_i32, pz_i16, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i16_i32, pz_i16, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i16_i32, pz_i16, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i16_i32, pz_i16, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i16_i32, pz_i16, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i32_i32, pz_i32, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i32_i32, pz_i32, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i32_i32, pz_i32, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i32_i32, pz_i32, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i32_i32, pz_i32, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i64_i32, pz_i64, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i64_i32, pz_i64, pz_i32, (uint64_t)o + (uint64_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i64_i32, pz_i64, pz_i32, (uint64_t)o * (uint64_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i64_i32, pz_i64, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i64_i32, pz_i64, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_bool_i32, pz_bool, pz_i32, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_f32_i64, pz_f32, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_f32_i64, pz_f32, pz_i64, (float)o + (float)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_f32_i64, pz_f32, pz_i64, (float)o * (float)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_f32_i64, pz_f32, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_f32_i64, pz_f32, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i8_i64, pz_i8, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i8_i64, pz_i8, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i8_i64, pz_i8, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i8_i64, pz_i8, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i8_i64, pz_i8, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_u8_i64, pz_u8, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_u8_i64, pz_u8, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_u8_i64, pz_u8, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_u8_i64, pz_u8, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_u8_i64, pz_u8, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i16_i64, pz_i16, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i16_i64, pz_i16, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i16_i64, pz_i16, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i16_i64, pz_i16, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i16_i64, pz_i16, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i32_i64, pz_i32, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i32_i64, pz_i32, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i32_i64, pz_i32, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i32_i64, pz_i32, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i32_i64, pz_i32, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_i64_i64, pz_i64, pz_i64, v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_add_i64_i64, pz_i64, pz_i64, (uint64_t)o + (uint64_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_mul_i64_i64, pz_i64, pz_i64, (uint64_t)o * (uint64_t)v)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_max_i64_i64, pz_i64, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_min_i64_i64, pz_i64, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ELEMENTS(pz_scatter_elements_none_bool_i64, pz_bool, pz_i64, v)

#endif
