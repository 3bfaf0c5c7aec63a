/* y = saturate(x window >> shift), rows of n; y may be x. Twin: ops/signal_window.py. */
#ifndef PZ_SIGNAL_WINDOW_H
#define PZ_SIGNAL_WINDOW_H

#include "pz_fixed.h"

PZ_KERNEL void pz_signal_window(const pz_i16 *x, const pz_i16 PZ_FLASH *window, pz_i16 *y, int rows, int n, int shift) {
  for (int r = 0; r < rows; ++r, x += n, y += n)
    for (int i = 0; i < n; ++i) y[i] = (pz_i16)pz_clamp(((int32_t)x[i] * window[i]) >> shift, -32768, 32767);
}

#endif
