/* Any function of one byte as a table of its 256 results, one table for each index of a dimension. Twin: ops/lookup.py.
 *
 * x, y: [outer, tables, inner] bytes, may be the same memory; table: [tables, 256], the result for a byte at its place.
 * The byte of an int8 value is the value plus 128.
 */
#ifndef PZ_LOOKUP_H
#define PZ_LOOKUP_H

#include "pz_base.h"

#define PZ_LOOKUP(TYPE, FIRST)                                                                                         \
  PZ_KERNEL void pz_lookup_##TYPE(const pz_##TYPE *x, const pz_i8 PZ_FLASH *table, pz_i8 *y, int outer, int tables,    \
                                  int inner) {                                                                         \
    for (int o = 0; o < outer; ++o) {                                                                                  \
      for (int t = 0; t < tables; ++t) {                                                                               \
        for (int i = 0; i < inner; ++i) *y++ = table[256 * t + FIRST + *x++];                                          \
      }                                                                                                                \
    }                                                                                                                  \
  }

PZ_LOOKUP(i8, 128)
PZ_LOOKUP(u8, 0)

#endif
