/* Integer requantisation, bit for bit as TFLite's reference kernels. Python twin: ops/_fixed_point.py. */
#ifndef PZ_FIXED_H
#define PZ_FIXED_H

#include "pz_base.h"

#if defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH)
#include <arm_acle.h>
#define PZ_DSP 1
#else
#define PZ_DSP 0
#endif

/* Right shift that rounds halves away from zero; bits from 0 to 31. */
PZ_INLINE int32_t pz_round_shift(int32_t x, int bits) {
  if (bits <= 0) return x;
  return (int32_t)(((int64_t)x + ((int64_t)1 << (bits - 1)) - (x < 0)) >> bits);
}

/* x * m / 2^31, rounded to nearest, halves up (m >= 0, so the product never saturates). */
PZ_INLINE int32_t pz_high_mul(int32_t x, int32_t m) {
  return (int32_t)(((int64_t)x * m + ((int64_t)1 << 30)) >> 31);
}

/* x * m * 2^(shift - 31); shift from -31 to 30. The left shift wraps as a 32-bit register does. */
PZ_INLINE int32_t pz_requant(int32_t x, int32_t m, int shift) {
  if (shift > 0) return pz_high_mul((int32_t)((uint32_t)x << shift), m);
  return pz_round_shift(pz_high_mul(x, m), -shift);
}

PZ_INLINE int32_t pz_clamp(int32_t x, int32_t lo, int32_t hi) { return x < lo ? lo : x > hi ? hi : x; }

/* The same for accumulators known at compile time to stay within +-2^29 and shift in [-28, 0]: on a core with DSP
   instructions it is one rounding high multiply and three short ones. Equal to pz_requant on that range. */
PZ_INLINE int32_t pz_requant_small(int32_t x, int32_t m, int shift) {
#if PZ_DSP
  int32_t h = (int32_t)(((int64_t)(int32_t)((uint32_t)x << 1) * m + 0x80000000LL) >> 32);
  if (shift == 0) return h;
  h += h >> 31;
  return (h + (int32_t)(1 << (-shift - 1))) >> -shift;
#else
  return pz_requant(x, m, shift);
#endif
}

#endif
