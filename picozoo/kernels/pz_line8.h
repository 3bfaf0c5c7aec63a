/* Two int8 values to their sum in another scale: one line over both. Twin: ops/_line8.py. */
#ifndef PZ_LINE8_H
#define PZ_LINE8_H

#include "pz_fixed.h"

/* Factors of a and b, what is added, the shift behind it, the clamp; all zeros where there is no sum. */
typedef struct {
  int32_t first, second, plus;
  int down;
  int32_t lo, hi;
} pz_line8_args;

PZ_INLINE pz_i8 pz_line8_finish(int32_t v, const pz_line8_args q) {
#if PZ_DSP
  if (q.lo == -128 && q.hi == 127) return (pz_i8)__ssat(v >> q.down, 8);
#endif
  return (pz_i8)pz_clamp(v >> q.down, q.lo, q.hi);
}

PZ_INLINE pz_i8 pz_line8(int32_t a, int32_t b, const pz_line8_args q) {
  return pz_line8_finish(a * q.first + q.plus + b * q.second, q);
}

/* Is there a sum at all? Known when the code is compiled. */
#define PZ_ADDS(line) ((line).down != 0)

/* a, b: the operands in the upper bytes, zeros below; factors of 31 bits. */
PZ_INLINE pz_i8 pz_line8_high(uint32_t a, uint32_t b, const pz_line8_args q) {
  return pz_line8_finish(pz_mul_high_add((int32_t)b, q.second, pz_mul_high_add((int32_t)a, q.first, q.plus)), q);
}

#endif
