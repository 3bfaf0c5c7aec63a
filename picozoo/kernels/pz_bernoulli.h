/* y[i] = 1 with probability p[i], else 0: the upper 24 bits of a word are below floor(2^24 p). y may be p, next may be
   state. Twin: ops/bernoulli.py. */
#ifndef PZ_BERNOULLI_H
#define PZ_BERNOULLI_H

#include "pz_chance.h"

/* floor(2^24 p) by shifting the bits of p; negative and not-a-number 0, above one 2^24. */
PZ_INLINE uint32_t pz_bernoulli_threshold(float p) {
  uint32_t u = pz_f32_bits(p), e = u >> 23;
  if (u > UINT32_C(0x7f800000)) return 0u; /* sign bit, or not a number */
  if (e >= 127u) return UINT32_C(1) << 24;
  if (e < 103u) return 0u;
  return ((u & UINT32_C(0x7fffff)) | UINT32_C(0x800000)) >> (126u - e);
}

PZ_KERNEL void pz_bernoulli_f32(const pz_i32 *state, const pz_f32 *p, pz_f32 *y, pz_i32 *next, int n) {
  pz_chance_t s;
  pz_chance_open(&s, state);
  for (int i = 0; i < n; ++i) {
    uint32_t most = pz_bernoulli_threshold(p[i]);
    y[i] = pz_chance_word(&s) >> 8 < most ? 1.0f : 0.0f;
  }
  pz_chance_close(&s, next);
}

#endif
