/* y changed in slices of `inner` elements at tuples of indices into `sizes`; o: the old value, v: the new one. Twin:
   ops/scatter_nd.py. */
#ifndef PZ_SCATTER_ND_H
#define PZ_SCATTER_ND_H

#include "pz_index.h"

#define PZ_DEFINE_SCATTER_ND(name, T, I, expr)                                                                  \
  PZ_KERNEL void name(const I *index, const T *values, T *y, int count, int depth, const int *sizes, int inner) { \
    for (int k = 0; k < count; ++k) {                                                                           \
      int at = 0;                                                                                               \
      for (int d = 0; d < depth; ++d) at = at * sizes[d] + pz_place(*index++, sizes[d]);                        \
      for (int i = 0; i < inner; ++i) {                                                                         \
        const T o = y[at * inner + i], v = *values++;                                                           \
        (void)o;                                                                                                \
        y[at * inner + i] = (T)(expr);                                                                          \
      }                                                                                                         \
    }                                                                                                           \
  }

PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_f32_i32, pz_f32, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_f32_i32, pz_f32, pz_i32, (float)o + (float)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_f32_i32, pz_f32, pz_i32, (float)o * (float)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_f32_i32, pz_f32, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_f32_i32, pz_f32, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i8_i32, pz_i8, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i8_i32, pz_i8, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i8_i32, pz_i8, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i8_i32, pz_i8, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i8_i32, pz_i8, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_u8_i32, pz_u8, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_u8_i32, pz_u8, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_u8_i32, pz_u8, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_u8_i32, pz_u8, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_u8_i32, pz_u8, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i16_i32, pz_i16, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i16_i32, pz_i16, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i16_i32, pz_i16, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i16_i32, pz_i16, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i16_i32, pz_i16, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i32_i32, pz_i32, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i32_i32, pz_i32, pz_i32, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i32_i32, pz_i32, pz_i32, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i32_i32, pz_i32, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i32_i32, pz_i32, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i64_i32, pz_i64, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i64_i32, pz_i64, pz_i32, (uint64_t)o + (uint64_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i64_i32, pz_i64, pz_i32, (uint64_t)o * (uint64_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i64_i32, pz_i64, pz_i32, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i64_i32, pz_i64, pz_i32, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_bool_i32, pz_bool, pz_i32, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_f32_i64, pz_f32, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_f32_i64, pz_f32, pz_i64, (float)o + (float)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_f32_i64, pz_f32, pz_i64, (float)o * (float)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_f32_i64, pz_f32, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_f32_i64, pz_f32, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i8_i64, pz_i8, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i8_i64, pz_i8, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i8_i64, pz_i8, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i8_i64, pz_i8, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i8_i64, pz_i8, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_u8_i64, pz_u8, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_u8_i64, pz_u8, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_u8_i64, pz_u8, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_u8_i64, pz_u8, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_u8_i64, pz_u8, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i16_i64, pz_i16, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i16_i64, pz_i16, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i16_i64, pz_i16, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i16_i64, pz_i16, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i16_i64, pz_i16, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i32_i64, pz_i32, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i32_i64, pz_i32, pz_i64, (uint32_t)o + (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i32_i64, pz_i32, pz_i64, (uint32_t)o * (uint32_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i32_i64, pz_i32, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i32_i64, pz_i32, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_i64_i64, pz_i64, pz_i64, v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_add_i64_i64, pz_i64, pz_i64, (uint64_t)o + (uint64_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_mul_i64_i64, pz_i64, pz_i64, (uint64_t)o * (uint64_t)v)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_max_i64_i64, pz_i64, pz_i64, v > o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_min_i64_i64, pz_i64, pz_i64, v < o ? v : o)
PZ_DEFINE_SCATTER_ND(pz_scatter_nd_none_bool_i64, pz_bool, pz_i64, v)

#endif
