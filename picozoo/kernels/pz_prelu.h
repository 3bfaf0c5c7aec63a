/* x for x >= 0, else slope * x, in int8. Twin: ops/prelu.py. */
#ifndef PZ_PRELU_H
#define PZ_PRELU_H

#include "pz_fixed.h"
#include "pz_map.h"

PZ_KERNEL void pz_prelu_i8(PZ_BINARY_ARGS(pz_i8, pz_i8), int32_t m, int shift, int32_t mb, int below, int32_t zx, int32_t za,
                           int32_t zy) {
  PZ_BINARY_LOOPS(pz_i8, const int32_t v = a - zx;
                  const int32_t r = v >= 0 ? pz_requant(v, m, shift) : pz_requant(v * (b - za), mb, below);
                  *y++ = (pz_i8)pz_clamp(r + zy, -128, 127))
}

#endif
