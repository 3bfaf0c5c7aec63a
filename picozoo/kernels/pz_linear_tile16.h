/* int8 fully connected layer for processors with wide vectors; packed weights as in pz_tile16.h. copy: rows * k
   and 3 bytes. Twin: ops/linear.py. */
#ifndef PZ_LINEAR_TILE16_H
#define PZ_LINEAR_TILE16_H

#include "pz_tile16.h"

PZ_KERNEL void pz_linear_i8_tile16(const pz_i8 *x, const pz_u32 *w, pz_i8 *y, pz_i8 *copy, int rows, int k, int out,
                                   const pz_out_args q) {
  const pz_tile_shape g = {1, (k + 3) / 4, 1, 0, 0, k};
  int r = 0;
  pz_tile_copy(copy, x, rows * k, PZ_FLIP);
  pz_tile_fill(copy + rows * k, 0, 3, PZ_FLIP);
  for (; r + PZ_TILE_WINDOWS <= rows; r += PZ_TILE_WINDOWS)
    pz_tile_row(copy + r * k, w, y + r * out, PZ_TILE_WINDOWS, out, g, q);
  for (; r < rows; ++r) pz_tile_row(copy + r * k, w, y + r * out, 1, out, g, q);
}

#endif
