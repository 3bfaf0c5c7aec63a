/* Any function of one int8 value as a table of its 256 results. Twin: ops/_elementwise.py, Unary.table. */
#ifndef PZ_LUT_H
#define PZ_LUT_H

#include "pz_base.h"

/* x, y: n values, may be the same memory; table[v + 128] is the result for v. */
PZ_KERNEL void pz_lut_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *table, pz_i8 *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = table[x[i] + 128];
}

/* A table of 513 values at an int16 place, with linear interpolation. Twin: ops/_lut16.py. */
PZ_INLINE int32_t pz_lookup16(int32_t x, const pz_i16 PZ_FLASH *table) {
  const int at = 256 + (int)(x >> 7);
  return table[at] + ((((int32_t)table[at + 1] - table[at]) * (x & 127) + 64) >> 7);
}

PZ_KERNEL void pz_lut_i16(const pz_i16 *x, const pz_i16 PZ_FLASH *table, pz_i16 *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = (pz_i16)pz_lookup16(x[i], table);
}

#endif
