/* The last left + 1 + right frames of c values; frames may be old, counted may be count. Twin: ops/signal_stacker.py. */
#ifndef PZ_SIGNAL_STACKER_H
#define PZ_SIGNAL_STACKER_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_stacker(const pz_i16 *x, const pz_i16 *old, const pz_i32 *count, pz_i16 *y, pz_bool *valid,
                                 pz_i16 *frames, pz_i32 *counted, int c, int left, int right, int step) {
  const int all = left + right + 1, first = *count < 0, there = first ? left + 1 : (int)*count + 1;
  for (int f = 0; f < all; ++f)
    for (int i = 0; i < c; ++i) frames[f * c + i] = first || f == all - 1 ? x[i] : old[(f + 1) * c + i];
  for (int i = 0; i < all * c; ++i) y[i] = frames[i];
  *valid = there >= all;
  *counted = there >= all ? there - step : there;
}

#endif
