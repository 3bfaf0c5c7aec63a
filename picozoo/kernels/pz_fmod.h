/* Rest of a division rounded towards zero. Twin: ops/fmod.py. */
#ifndef PZ_FMOD_H
#define PZ_FMOD_H

#include "pz_map.h"
#include "pz_math.h"

PZ_INLINE float pz_fmodf(float a, float b) {
  const float x = pz_fabsf(a), y = pz_fabsf(b);
  if (!(y > 0.0f) || x != x) return pz_bits_f32(0x7fc00000u);
  float r = x - y * pz_floorf(x / y);
  if (r < 0.0f) r += y;
  if (r >= y) r -= y;
  return a < 0.0f ? -r : r;
}

PZ_DEFINE_BINARY(pz_fmod_f32, pz_f32, pz_f32, pz_fmodf(a, b))
PZ_DEFINE_BINARY(pz_fmod_i8, pz_i8, pz_i8, b == 0 || b + 1 == 0 ? 0 : a % b)
PZ_DEFINE_BINARY(pz_fmod_u8, pz_u8, pz_u8, b == 0 || b + 1 == 0 ? 0 : a % b)
PZ_DEFINE_BINARY(pz_fmod_i16, pz_i16, pz_i16, b == 0 || b + 1 == 0 ? 0 : a % b)
PZ_DEFINE_BINARY(pz_fmod_i32, pz_i32, pz_i32, b == 0 || b + 1 == 0 ? 0 : a % b)
PZ_DEFINE_BINARY(pz_fmod_i64, pz_i64, pz_i64, b == 0 || b + 1 == 0 ? 0 : a % b)

#endif
