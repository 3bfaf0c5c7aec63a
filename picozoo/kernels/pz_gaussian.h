/* y[i] normal, mean 0 and variance 1: bit 31 of a word is the sign, the others say how large the tail beyond is.
   table: 31 octaves of 16 nodes and one more, distance from the mean in 1/8192, falling. next may be state.
   Twin: ops/gaussian.py. */
#ifndef PZ_GAUSSIAN_H
#define PZ_GAUSSIAN_H

#include "pz_chance.h"

static PZ_NOINLINE PZ_UNUSED float pz_gaussian_of(uint32_t word, const uint16_t PZ_FLASH *table) {
  uint32_t m = word & UINT32_C(0x7fffffff);
  int i = 30 * 16;
  if (!m) m = 1u;
  for (; m < UINT32_C(0x40000000); m <<= 1) i -= 16;
  i += (int)(m >> 26 & 15u);
  uint32_t far = table[i], step = far - table[i + 1];
  float z = pz_chance_scaled(((far << 12) - step * (m >> 14 & UINT32_C(0xfff))) >> 4, 21u);
  return word >> 31 ? -z : z;
}

PZ_KERNEL void pz_gaussian_f32(const pz_i32 *state, const uint16_t PZ_FLASH *table, pz_f32 *y, pz_i32 *next, int n) {
  pz_chance_t s;
  pz_chance_open(&s, state);
  for (int i = 0; i < n; ++i) y[i] = pz_gaussian_of(pz_chance_word(&s), table);
  pz_chance_close(&s, next);
}

#endif
