/* int8 fully connected layer for cores with Helium (MVE); packed weights as in pz_mve.h. Twin: ops/linear.py. */
#ifndef PZ_LINEAR_MVE_H
#define PZ_LINEAR_MVE_H

#include "pz_mve.h"

PZ_KERNEL void pz_linear_i8_mve(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, int rows, int k, int out, const pz_out_args q) {
  for (int r = 0; r < rows; ++r) pz_dot_1x4(x + r * k, w, y + r * out, k, out, q);
}

#endif
