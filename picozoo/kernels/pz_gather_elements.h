/* One element for each index along one dimension. shape: of the indices; steps: of x. Twin: ops/gather_elements.py. */
#ifndef PZ_GATHER_ELEMENTS_H
#define PZ_GATHER_ELEMENTS_H

#include "pz_index.h"

#define PZ_DEFINE_GATHER_ELEMENTS(name, T, I)                                                                     \
  PZ_KERNEL void name(const void *px, const I *index, void *py, int n, int rank, const int *shape, const int *steps, \
                      int axis, int size) {                                                                       \
    for (int k = 0; k < n; ++k)                                                                                   \
      ((T *)py)[k] = ((const T *)px)[pz_offset(k, rank, shape, steps, axis) + pz_place(index[k], size) * steps[axis]]; \
  }

PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_1_i32, pz_u8, pz_i32)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_1_i64, pz_u8, pz_i64)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_2_i32, pz_i16, pz_i32)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_2_i64, pz_i16, pz_i64)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_4_i32, pz_u32, pz_i32)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_4_i64, pz_u32, pz_i64)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_8_i32, pz_i64, pz_i32)
PZ_DEFINE_GATHER_ELEMENTS(pz_gather_elements_8_i64, pz_i64, pz_i64)

#endif
