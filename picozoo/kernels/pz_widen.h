/* int8 to int32: (x - zero) * 2^left * m * 2^(shift - 31). Twin: ops/widen.py. */
#ifndef PZ_WIDEN_H
#define PZ_WIDEN_H

#include "pz_fixed.h"

PZ_KERNEL void pz_widen_i8(const pz_i8 *x, pz_i32 *y, int n, int32_t zero, int left, int32_t m, int shift) {
  for (int i = 0; i < n; ++i) y[i] = pz_requant((x[i] - zero) * ((int32_t)1 << left), m, shift);
}

#endif
