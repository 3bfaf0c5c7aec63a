/* Logistic and hyperbolic tangent of int16 values, Q0.15, from a table of about 65536 sigmoid(i / 24) with
   linear interpolation. x * factor / 2^bits counts steps of 1 / 12288. Twin: ops/_lut16.py. */
#ifndef PZ_SQUASH16_H
#define PZ_SQUASH16_H

#include "pz_base.h"

PZ_INLINE int32_t pz_squash_step(pz_i16 x, int32_t factor, int bits) {
  return (int32_t)((uint32_t)((int32_t)x * factor) + (((uint32_t)1 << bits) >> 1)) >> bits;
}

PZ_KERNEL void pz_sigmoid_i16(const pz_i16 *x, const uint16_t PZ_FLASH *table, pz_i16 *y, int n, int32_t factor, int bits) {
  for (int i = 0; i < n; ++i) {
    const int32_t v = pz_squash_step(x[i], factor, bits);
    const uint32_t a = (uint32_t)(v < 0 ? -v : v), hi = a >> 9;
    int32_t r = (int32_t)0x7fff << 10;
    if (hi < 255) r = (int32_t)(((uint32_t)table[hi] << 9) + (a & 0x1ffu) * ((uint32_t)table[hi + 1] - table[hi]));
    y[i] = (pz_i16)((v >= 0 ? r + (1 << 9) : ((int32_t)1 << 25) - r + (1 << 9) - 1) >> 10);
  }
}

PZ_KERNEL void pz_tanh_i16(const pz_i16 *x, const uint16_t PZ_FLASH *table, pz_i16 *y, int n, int32_t factor, int bits) {
  for (int i = 0; i < n; ++i) {
    const int32_t v = pz_squash_step(x[i], factor, bits);
    const uint32_t a = (uint32_t)(v < 0 ? -v : v), hi = a >> 8;
    int32_t r = (int32_t)0xffff << 8;
    if (hi < 255) r = (int32_t)(((uint32_t)table[hi] << 8) + (a & 0xffu) * ((uint32_t)table[hi + 1] - table[hi]));
    y[i] = (pz_i16)((v >= 0 ? r - ((int32_t)1 << 23) + (1 << 7) : -r + ((int32_t)1 << 23) + (1 << 7) - 1) >> 8);
  }
}

#endif
