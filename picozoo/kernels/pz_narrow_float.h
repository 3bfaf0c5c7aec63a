/* Round to a float with `bits` of fraction and exponents from `low` on, halves to even; beyond `top` comes `beyond` with
   the number's sign. uz: no negative zero. Twin: ops/narrow_float.py. */
#ifndef PZ_NARROW_FLOAT_H
#define PZ_NARROW_FLOAT_H

#include "pz_math.h"

PZ_KERNEL void pz_narrow_float(const pz_f32 *x, pz_f32 *y, int n, int bits, int low, float top, float beyond, int uz) {
  for (int i = 0; i < n; ++i) {
    const uint32_t sign = pz_f32_bits(x[i]) & 0x80000000u;
    uint32_t u = pz_f32_bits(x[i]) & 0x7fffffffu;
    if (u > 0x7f800000u) {
      y[i] = x[i];
      continue;
    }
    const int e = (int)(u >> 23) - 127;
    int drop = 23 - bits + (e < low ? low - e : 0); /* bits of the float32 fraction that go */
    if (u >= 0x7f800000u) drop = 0;
    if (e < -126 || drop > 24) {
      /* below half of the smallest step everything is zero; float32's own subnormals are below all but bfloat16's */
      if (drop > 24) u = 0;
      else if (low == -126) {
        const uint32_t half = (1u << (23 - bits)) >> 1, keep = u >> (23 - bits), rest = u & ((1u << (23 - bits)) - 1u);
        u = (keep + (rest > half || (rest == half && (keep & 1u)) ? 1u : 0u)) << (23 - bits);
      } else {
        u = 0;
      }
    } else if (drop == 24) { /* between 0 and the smallest step: to it above its half */
      u = (u & 0x7fffffu) ? pz_f32_bits(pz_exp2i(e + 1)) : 0;
    } else if (drop > 0) {
      const uint32_t full = (u & 0x7fffffu) | 0x800000u, half = 1u << (drop - 1);
      uint32_t keep = full >> drop;
      const uint32_t rest = full & ((1u << drop) - 1u);
      if (rest > half || (rest == half && (keep & 1u))) ++keep;
      /* keep < 2^25 and the scale is exact */
      u = pz_f32_bits((float)(int32_t)keep * pz_exp2i(e - 23 + drop));
    }
    float v = pz_bits_f32(u);
    if (v > top) v = beyond;
    y[i] = uz && u == 0 ? 0.0f : pz_bits_f32(pz_f32_bits(v) | (v != v ? 0 : sign));
  }
}

#endif
