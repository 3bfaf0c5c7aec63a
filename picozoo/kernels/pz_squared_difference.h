/* (a - b)^2 in int8, both widened by 7 bits first, and in int16. Twin: ops/squared_difference.py. */
#ifndef PZ_SQUARED_DIFFERENCE_H
#define PZ_SQUARED_DIFFERENCE_H

#include "pz_fixed.h"
#include "pz_map.h"

#define PZ_DEFINE_SQUARED_DIFFERENCE(name, T, factor, low, high)                                                          \
  PZ_KERNEL void name(PZ_BINARY_ARGS(T, T), int32_t za, int32_t zb, int32_t zy, int32_t ma, int sa, int32_t mb, int sb,   \
                      int32_t m, int s) {                                                                                 \
    PZ_BINARY_LOOPS(T, const int32_t d = pz_requant((a - za) * factor, ma, sa) - pz_requant((b - zb) * factor, mb, sb);   \
                    *y++ = (T)pz_clamp(pz_requant(d * d, m, s) + zy, low, high))                                          \
  }
PZ_DEFINE_SQUARED_DIFFERENCE(pz_squared_difference_i8, pz_i8, 128, -128, 127)
PZ_DEFINE_SQUARED_DIFFERENCE(pz_squared_difference_i16, pz_i16, 1, -32768, 32767)

#endif
