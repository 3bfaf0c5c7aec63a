/* y = x (which may be y), then y[index[k]] = rows[k]; indices outside 0 .. n - 1 are clamped. Twin: ops/index_copy.py. */
#ifndef PZ_INDEX_COPY_H
#define PZ_INDEX_COPY_H

#include "pz_base.h"

#define PZ_DEFINE_INDEX_COPY(name, T, I, R)                                                                             \
  PZ_KERNEL void name(const void *px, const I *index, const void *prows, void *py, int n, int inner, int count) {       \
    const T *rows = (const T *)prows;                                                                                   \
    T *y = (T *)py;                                                                                                     \
    if (px != (const void *)py) pz_copy(py, px, (size_t)n * (size_t)inner * sizeof(T));                                 \
    for (int k = 0; k < count; ++k) {                                                                                   \
      const R r = (R)index[k];                                                                                          \
      T *to = y + (r < 0 ? 0 : r >= n ? n - 1 : (int)r) * inner;                                                        \
      for (int i = 0; i < inner; ++i) to[i] = *rows++;                                                                  \
    }                                                                                                                   \
  }
#define PZ_INDEX_COPY_TYPES(bytes, T)                                \
  PZ_DEFINE_INDEX_COPY(pz_index_copy_##bytes##_i16, T, pz_i16, int)  \
  PZ_DEFINE_INDEX_COPY(pz_index_copy_##bytes##_i32, T, pz_i32, int32_t) \
  PZ_DEFINE_INDEX_COPY(pz_index_copy_##bytes##_i64, T, pz_i64, int64_t)

PZ_INDEX_COPY_TYPES(1, pz_u8)
PZ_INDEX_COPY_TYPES(2, pz_i16)
PZ_INDEX_COPY_TYPES(4, pz_u32)
PZ_INDEX_COPY_TYPES(8, pz_i64)

#endif
