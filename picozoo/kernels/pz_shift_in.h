/* In each of `outer` rows of n bytes: what stands behind the first k moves to the front, k bytes of x come behind it.
   y may be old; neither may overlap x. Twin: ops/shift_in.py. */
#ifndef PZ_SHIFT_IN_H
#define PZ_SHIFT_IN_H

#include "pz_base.h"

PZ_KERNEL void pz_shift_in(const void *px, const void *pold, void *py, int outer, int n, int k) {
  const pz_u8 *x = (const pz_u8 *)px, *old = (const pz_u8 *)pold;
  pz_u8 *y = (pz_u8 *)py;
  for (int row = 0; row < outer; ++row, x += k, old += n, y += n) {
    for (int i = 0; i < n - k; ++i) y[i] = old[i + k];
    pz_copy(y + n - k, x, (size_t)k);
  }
}

#endif
