/* y[c] = sums of weights of channel c + 1 and unweights of channel c, times energies (uint32); n channels, n + 1 in the
   tables. Twin: ops/signal_filter_bank.py. */
#ifndef PZ_SIGNAL_FILTER_BANK_H
#define PZ_SIGNAL_FILTER_BANK_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_filter_bank(const pz_i32 *x, const pz_i16 PZ_FLASH *weights, const pz_i16 PZ_FLASH *unweights,
                                     const pz_i16 PZ_FLASH *starts, const pz_i16 PZ_FLASH *first,
                                     const pz_i16 PZ_FLASH *widths, pz_i64 *y, int n) {
  uint64_t carried = 0;
  for (int c = 0; c <= n; ++c) {
    uint64_t sum = carried;
    carried = 0;
    for (int i = 0; i < widths[c]; ++i) {
      const uint64_t v = (uint32_t)x[starts[c] + i];
      sum += (uint64_t)(int64_t)weights[first[c] + i] * v;
      carried += (uint64_t)(int64_t)unweights[first[c] + i] * v;
    }
    if (c) y[c - 1] = (pz_i64)sum;
  }
}

#endif
