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

/* Multiply loops as assembly: compilers spill, and do not use the multiple-word loads with update. Without optimisation
   they have too few registers left for it. */
#if PZ_DSP && defined(__thumb2__) && defined(__OPTIMIZE__) && !defined(PZ_NO_ASM)
#define PZ_ASM 1
#else
#define PZ_ASM 0
#endif

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#include <arm_mve.h>
#define PZ_MVE 1
#else
#define PZ_MVE 0
#endif

/* Cores whose widest product has 32 bits get the high multiply from four small ones. */
#ifndef PZ_MUL64
#if defined(__ARM_ARCH_6M__) || defined(__AVR__)
#define PZ_MUL64 0
#else
#define PZ_MUL64 1
#endif
#endif

/* Four bytes as one word, the first in its lowest bits. */
PZ_INLINE uint32_t pz_read32(const pz_i8 *x) {
#if PZ_DSP
  uint32_t v;
  __builtin_memcpy(&v, x, 4); /* one load: cores with DSP instructions take unaligned words */
  return v;
#else
  return (uint32_t)(uint8_t)x[0] | (uint32_t)(uint8_t)x[1] << 8 | (uint32_t)(uint8_t)x[2] << 16 | (uint32_t)(uint8_t)x[3] << 24;
#endif
}

/* Right shift that rounds halves away from zero; bits from 0 to 31. */
PZ_INLINE int32_t pz_round_shift(int32_t x, int bits) {
  const int32_t mask = (int32_t)(((uint32_t)1 << bits) - 1u), rest = x & mask;
  return (x >> bits) + (rest > (mask >> 1) + (x < 0));
}

/* Floor of x * m / 2^32; m >= 0. */
PZ_INLINE int32_t pz_mul_high(int32_t x, int32_t m) {
#if PZ_MUL64
  return (int32_t)(((int64_t)x * m) >> 32);
#else
  const int16_t xh = (int16_t)(x >> 16), mh = (int16_t)(m >> 16);
  const uint16_t xl = (uint16_t)(x & 0xffff), ml = (uint16_t)(m & 0xffff);
  /* x m = xh mh 2^32 + (t + xl mh) 2^16 + 16 bits that cannot change the result */
  const int32_t t = (int32_t)xh * ml + (int32_t)(((uint32_t)xl * ml) >> 16);
  const uint32_t s = (uint32_t)xl * (uint16_t)mh + ((uint32_t)t & 0xffffu);
  return (int32_t)xh * mh + (t >> 16) + (int32_t)(s >> 16);
#endif
}

/* Floor of x * m / 2^32 + plus; m >= 0. */
PZ_INLINE int32_t pz_mul_high_add(int32_t x, int32_t m, int32_t plus) {
#if PZ_ASM
  int32_t y; /* compilers that see a sign in x make two products of it */
  __asm__("smmla %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(m), "r"(plus));
  return y;
#else
  return (int32_t)((uint32_t)plus + (uint32_t)pz_mul_high(x, m));
#endif
}

/* x * m / 2^32 + plus, rounded to nearest, halves up; m of either sign. */
PZ_INLINE int32_t pz_mul_high_plus(int32_t x, int32_t m, int32_t plus) {
#if PZ_ASM
  int32_t y;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(m), "r"(plus));
  return y;
#else
  return (int32_t)((uint32_t)plus + (uint32_t)(int32_t)(((int64_t)x * m + ((int64_t)1 << 31)) >> 32));
#endif
}

/* x * m / 2^31, rounded to nearest, halves up (m >= 0, so the product never saturates). */
PZ_INLINE int32_t pz_high_mul(int32_t x, int32_t m) {
#if PZ_MUL64
  return (int32_t)(((int64_t)x * m + ((int64_t)1 << 30)) >> 31);
#else
  const int16_t xh = (int16_t)(x >> 16), mh = (int16_t)(m >> 16);
  const uint16_t xl = (uint16_t)(x & 0xffff), ml = (uint16_t)(m & 0xffff);
  /* x m = xh mh 2^32 + (t + xl mh) 2^16 + 16 bits that cannot change the result */
  const int32_t t = (int32_t)xh * ml + (int32_t)(((uint32_t)xl * ml) >> 16);
  const uint32_t s = (uint32_t)xl * (uint16_t)mh + ((uint32_t)t & 0xffffu);
  const int32_t high = (int32_t)xh * mh + (t >> 16) + (int32_t)(s >> 16);
  return (int32_t)(((uint32_t)high << 1) + ((s >> 15) & 1u) + ((s >> 14) & 1u));
#endif
}

/* The same for factors of either sign, not both INT32_MIN. */
PZ_INLINE int32_t pz_high_mul_signed(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31); }

/* x * m * 2^(shift - 31); shift from -31 to 30. The left shift wraps as a 32-bit register does. */
PZ_INLINE int32_t pz_requant(int32_t x, int32_t m, int shift) {
  if (shift > 0) return pz_high_mul((int32_t)((uint32_t)x << shift), m);
  return pz_round_shift(pz_high_mul(x, m), -shift);
}

/* The same with one rounding, halves up. */
PZ_INLINE int32_t pz_requant_once(int32_t x, int32_t m, int shift) {
  const int64_t p = (int64_t)x * m;
  if (shift < -1) return (int32_t)((int32_t)(p >> 32) + (int32_t)((uint32_t)1 << (-shift - 2))) >> (-shift - 1);
  return (int32_t)((p + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

/* The same for shift from -31 to -2: the low half of the product cannot change the result. */
PZ_INLINE int32_t pz_requant_once_down(int32_t x, int32_t m, int shift) {
  return (pz_mul_high(x, m) + (int32_t)((uint32_t)1 << (-shift - 2))) >> (-shift - 1);
}

/* A sum of up to 48 bits times a factor of 16 bits, rounded once. */
PZ_INLINE int32_t pz_requant_long(int64_t x, int32_t m, int shift) {
  return (int32_t)((x * m + ((int64_t)1 << (14 - shift))) >> (15 - shift));
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

/* 2 (pz_requant_small(x, m, shift) + zero) and perhaps 1 more, for shifts in [-28, -1]: halving it is the result. The
   rounding shift is cut in two, so that the last bit goes with the addition of the zero point, or into a saturation. */
PZ_INLINE int32_t pz_twice_plus(int32_t x, int32_t m, int shift, int32_t zero) {
#if PZ_DSP
  int32_t h = (int32_t)(((int64_t)(int32_t)((uint32_t)x << 1) * m + 0x80000000LL) >> 32);
#else
  int32_t h = pz_high_mul(x, m);
#endif
  h += h >> 31;
  return (h >> ~shift) + (2 * zero + 1);
}

#endif
