/* y = soft limit of x * gain(noise) >> shift, n channels of uint32; y may be x or noise. Twin: ops/signal_pcan.py. */
#ifndef PZ_SIGNAL_PCAN_H
#define PZ_SIGNAL_PCAN_H

#include "pz_base.h"

/* The parabola of the power of two below x. */
PZ_INLINE pz_i16 pz_pcan_gain(uint32_t x, const pz_i16 PZ_FLASH *table) {
  if (x <= 2) return table[x];
  int k = 2;
  while (k < 32 && x >> k) ++k;
  table += 4 * k - 6;
  const int32_t part = (int32_t)((k < 11 ? x << (11 - k) : x >> (k - 11)) & 0x3ffu);
  const int32_t slope = (((int32_t)table[2] * part) >> 5) + (int32_t)table[1] * 32;
  const int32_t made = (int32_t)((uint32_t)slope * (uint32_t)part);
  return (pz_i16)(((int32_t)((uint32_t)made + (1u << 14)) >> 15) + table[0]);
}

PZ_KERNEL void pz_signal_pcan(const pz_i32 *x, const pz_i32 *noise, const pz_i16 PZ_FLASH *table, pz_i32 *y, int n, int shift) {
  for (int i = 0; i < n; ++i) {
    const uint32_t gain = (uint32_t)(int32_t)pz_pcan_gain((uint32_t)noise[i], table);
    const uint32_t ratio = (uint32_t)(((uint64_t)(uint32_t)x[i] * gain) >> shift);
    y[i] = (pz_i32)(ratio < 8192u ? (ratio * ratio) >> 20 : (ratio >> 6) - 64u);
  }
}

#endif
