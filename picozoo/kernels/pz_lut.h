/* Any function of one int8 value as a table of its 256 results. Twin: ops/_elementwise.py, Unary.table. */
#ifndef PZ_LUT_H
#define PZ_LUT_H

#include "pz_base.h"

/* x, y: n values, may be the same memory; table[v + 128] is the result for v. */
PZ_KERNEL void pz_lut_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *table, pz_i8 *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = table[x[i] + 128];
}

#endif
