/* y = root(x) >> *bits, x uint64, y uint32. Twin: ops/signal_filter_bank_square_root.py. */
#ifndef PZ_SIGNAL_FILTER_BANK_SQUARE_ROOT_H
#define PZ_SIGNAL_FILTER_BANK_SQUARE_ROOT_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_filter_bank_square_root(const pz_i64 *x, const pz_i32 *bits, pz_i32 *y, int n) {
  for (int i = 0; i < n; ++i) {
    uint64_t rest = (uint64_t)x[i], r = 0, bit = (uint64_t)1 << 62;
    const uint64_t most = rest >> 32 ? 0xffffffffu : 0xffffu;
    while (bit > rest) bit >>= 2;
    for (; bit; bit >>= 2) {
      const int take = rest >= r + bit;
      if (take) rest -= r + bit;
      r = (r >> 1) + (take ? bit : 0);
    }
    if (rest > r && r != most) ++r;
    y[i] = (pz_i32)((uint32_t)r >> (*bits & 31));
  }
}

#endif
