/* Places in tensors from index tensors. Used by gather_elements, gather_nd, scatter_elements, scatter_nd. */
#ifndef PZ_INDEX_H
#define PZ_INDEX_H

#include "pz_base.h"

/* Negative indices count from the end; what is still outside is clamped. */
PZ_INLINE int pz_place(int64_t i, int size) {
  if (i < 0) i += size;
  return i < 0 ? 0 : i >= size ? size - 1 : (int)i;
}

/* Offset in a tensor with these steps of element `k` of a tensor of `shape`, leaving out dimension `axis`. */
PZ_INLINE int pz_offset(int k, int rank, const int *shape, const int *steps, int axis) {
  int at = 0;
  for (int d = rank - 1; d >= 0; --d) {
    if (d != axis) at += k % shape[d] * steps[d];
    k /= shape[d];
  }
  return at;
}

#endif
