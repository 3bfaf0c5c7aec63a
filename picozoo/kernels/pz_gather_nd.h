/* Slices of `inner` elements by tuples of indices into `sizes` (`rows` in all). Twin: ops/gather_nd.py. */
#ifndef PZ_GATHER_ND_H
#define PZ_GATHER_ND_H

#include "pz_index.h"

#define PZ_DEFINE_GATHER_ND(name, T, I)                                                                            \
  PZ_KERNEL void name(const void *px, const I *index, void *py, int batches, int count, int depth, const int *sizes, \
                      int rows, int inner) {                                                                       \
    const T *x = (const T *)px;                                                                                    \
    T *y = (T *)py;                                                                                                \
    for (int b = 0; b < batches; ++b, x += rows * inner)                                                           \
      for (int k = 0; k < count; ++k) {                                                                            \
        int at = 0;                                                                                                \
        for (int d = 0; d < depth; ++d) at = at * sizes[d] + pz_place(*index++, sizes[d]);                         \
        for (int i = 0; i < inner; ++i) *y++ = x[at * inner + i];                                                  \
      }                                                                                                            \
  }

PZ_DEFINE_GATHER_ND(pz_gather_nd_1_i32, pz_u8, pz_i32)
PZ_DEFINE_GATHER_ND(pz_gather_nd_1_i64, pz_u8, pz_i64)
PZ_DEFINE_GATHER_ND(pz_gather_nd_2_i32, pz_i16, pz_i32)
PZ_DEFINE_GATHER_ND(pz_gather_nd_2_i64, pz_i16, pz_i64)
PZ_DEFINE_GATHER_ND(pz_gather_nd_4_i32, pz_u32, pz_i32)
PZ_DEFINE_GATHER_ND(pz_gather_nd_4_i64, pz_u32, pz_i64)
PZ_DEFINE_GATHER_ND(pz_gather_nd_8_i32, pz_i64, pz_i32)
PZ_DEFINE_GATHER_ND(pz_gather_nd_8_i64, pz_i64, pz_i64)

#endif
