/* (a - b)^2 in int8, both widened by 7 bits first. Twin: ops/squared_difference.py. */
#ifndef PZ_SQUARED_DIFFERENCE_H
#define PZ_SQUARED_DIFFERENCE_H

#include "pz_fixed.h"
#include "pz_map.h"

PZ_KERNEL void pz_squared_difference_i8(PZ_BINARY_ARGS(pz_i8, pz_i8), int32_t za, int32_t zb, int32_t zy, int32_t ma, int sa,
                                        int32_t mb, int sb, int32_t m, int s) {
  PZ_BINARY_LOOPS(pz_i8, const int32_t d = pz_requant((a - za) * 128, ma, sa) - pz_requant((b - zb) * 128, mb, sb);
                  *y++ = (pz_i8)pz_clamp(pz_requant(d * d, m, s) + zy, -128, 127))
}

#endif
