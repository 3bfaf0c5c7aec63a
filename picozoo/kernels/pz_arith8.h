/* int8 sum, difference and product with requantisation, over four nested loops; the output may be one of the inputs.
   Bit for bit LiteRT's reference kernels. Twin: ops/_arithmetic8.py. */
#ifndef PZ_ARITH8_H
#define PZ_ARITH8_H

#include "pz_fixed.h"
#include "pz_map.h"

/* za, zb: zero points of the inputs; ma, sa, mb, sb: factors to the common scale (sums only); m, s: factor to the
   output. `small`: pz_requant_small may be used. */
typedef struct {
  int32_t za, zb, ma;
  int sa;
  int32_t mb;
  int sb;
  int32_t m;
  int s, small;
  int32_t zero, lo, hi;
} pz_arith8_args;

/* v * 2^20 in the common scale; v from -255 to 255. */
PZ_INLINE int32_t pz_widen20(int32_t v, int32_t m, int s, int small) {
  if (m == (int32_t)1 << 30 && s == 0) return v * ((int32_t)1 << 19); /* the larger scale: exactly a half */
  return small ? pz_requant_small(v * ((int32_t)1 << 20), m, s) : pz_requant(v * ((int32_t)1 << 20), m, s);
}

PZ_INLINE pz_i8 pz_arith8_finish(int32_t acc, const pz_arith8_args q) {
  const int32_t v = (q.small ? pz_requant_small(acc, q.m, q.s) : pz_requant(acc, q.m, q.s)) + q.zero;
#if PZ_DSP
  if (q.lo == -128 && q.hi == 127) return (pz_i8)__ssat(v, 8);
#endif
  return (pz_i8)pz_clamp(v, q.lo, q.hi);
}

#define PZ_DEFINE_ARITH8(name, expr)                                              \
  PZ_KERNEL void name(PZ_BINARY_ARGS(pz_i8, pz_i8), const pz_arith8_args q) {     \
    PZ_BINARY_LOOPS(pz_i8, *y++ = pz_arith8_finish(expr, q))                      \
  }

#endif
