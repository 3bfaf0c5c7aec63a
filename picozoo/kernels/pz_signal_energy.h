/* y[i] = real^2 + imaginary^2 of bin i from start to before end, else 0, as uint32. Twin: ops/signal_energy.py. */
#ifndef PZ_SIGNAL_ENERGY_H
#define PZ_SIGNAL_ENERGY_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_energy(const pz_i16 *x, pz_i32 *y, int n, int start, int end) {
  for (int i = 0; i < n; ++i) {
    const uint32_t a = (uint32_t)((int32_t)x[2 * i] * x[2 * i]), b = (uint32_t)((int32_t)x[2 * i + 1] * x[2 * i + 1]);
    y[i] = i < start || i >= end ? 0 : (pz_i32)(a + b);
  }
}

#endif
