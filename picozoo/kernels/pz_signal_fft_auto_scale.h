/* y = x << *bits, as far as the largest of n fits; y may be x. Twin: ops/signal_fft_auto_scale.py. */
#ifndef PZ_SIGNAL_FFT_AUTO_SCALE_H
#define PZ_SIGNAL_FFT_AUTO_SCALE_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_fft_auto_scale(const pz_i16 *x, pz_i16 *y, pz_i32 *bits, int n) {
  int32_t top = 0;
  for (int i = 0; i < n; ++i) {
    const int32_t v = x[i] < 0 ? -(int32_t)x[i] : x[i];
    top = v > top ? v : top;
  }
  int k = top ? 15 : 0;
  while (k > 0 && top >> (15 - k)) --k;
  for (int i = 0; i < n; ++i) y[i] = (pz_i16)(x[i] * ((int32_t)1 << k));
  *bits = k;
}

#endif
