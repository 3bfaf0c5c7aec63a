/* y[i] = a multiple of 2^-24 from 0 to below 1. next may be state. Twin: ops/uniform.py. */
#ifndef PZ_UNIFORM_H
#define PZ_UNIFORM_H

#include "pz_chance.h"

PZ_KERNEL void pz_uniform_f32(const pz_i32 *state, pz_f32 *y, pz_i32 *next, int n) {
  pz_chance_t s;
  pz_chance_open(&s, state);
  for (int i = 0; i < n; ++i) y[i] = pz_chance_unit(pz_chance_word(&s));
  pz_chance_close(&s, next);
}

#endif
