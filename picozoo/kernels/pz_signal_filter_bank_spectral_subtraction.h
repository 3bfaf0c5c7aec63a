/* n channels of uint32; y may be x, estimate may be old. a, b: new and old part of the estimate in even channels, oa, ob
   in odd ones. Twin: ops/signal_filter_bank_spectral_subtraction.py. */
#ifndef PZ_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION_H
#define PZ_SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_filter_bank_spectral_subtraction(const pz_i32 *x, const pz_i32 *old, pz_i32 *y, pz_i32 *estimate, int n,
                                                          uint32_t a, uint32_t b, uint32_t oa, uint32_t ob, uint32_t remaining,
                                                          int smoothing_bits, int bits, int clamping) {
  for (int i = 0; i < n; ++i) {
    const uint32_t v = (uint32_t)x[i], scaled = v << smoothing_bits;
    const uint64_t sum = (uint64_t)scaled * (i & 1 ? oa : a) + (uint64_t)(uint32_t)old[i] * (i & 1 ? ob : b);
    const uint32_t made = (uint32_t)(sum >> bits), used = made < scaled ? made : scaled;
    const uint32_t least = (uint32_t)(((uint64_t)v * remaining) >> bits), left = (scaled - used) >> smoothing_bits;
    estimate[i] = (pz_i32)(clamping ? used : made);
    y[i] = (pz_i32)(left > least ? left : least);
  }
}

#endif
