/* Frames [streams][frames][size] added to a stream; sums may be old. Twin: ops/signal_overlap_add.py. */
#ifndef PZ_SIGNAL_OVERLAP_ADD_H
#define PZ_SIGNAL_OVERLAP_ADD_H

#include "pz_fixed.h"

#define PZ_DEFINE_OVERLAP_ADD(name, T, expr)                                                                    \
  PZ_KERNEL void name(const T *x, const T *old, T *y, T *sums, int streams, int frames, int size, int step) {   \
    for (int i = 0; i < streams * size; ++i) sums[i] = old[i];                                                  \
    for (int s = 0; s < streams; ++s, sums += size)                                                             \
      for (int f = 0; f < frames; ++f, x += size, y += step) {                                                  \
        for (int i = 0; i < size; ++i) sums[i] = (T)(expr);                                                     \
        for (int i = 0; i < step; ++i) y[i] = sums[i];                                                          \
        for (int i = 0; i < size; ++i) sums[i] = i + step < size ? sums[i + step] : (T)0;                       \
      }                                                                                                         \
  }

PZ_DEFINE_OVERLAP_ADD(pz_signal_overlap_add_i16, pz_i16, pz_clamp((int32_t)sums[i] + x[i], -32768, 32767))
PZ_DEFINE_OVERLAP_ADD(pz_signal_overlap_add_f32, pz_f32, sums[i] + x[i])

#endif
