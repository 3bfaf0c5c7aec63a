/* What the recurrent kernels share. Used by lstm, gru, rnn. */
#ifndef PZ_RECURRENT_H
#define PZ_RECURRENT_H

#include "pz_math.h"

PZ_INLINE float pz_clipf(float x, float clip) { return x < -clip ? -clip : x > clip ? clip : x; }

/* s = g + r h: `rows` sums over n. */
PZ_INLINE void pz_recurrent_gates(const pz_f32 *g, const pz_f32 PZ_FLASH *r, const pz_f32 *h, pz_f32 *s, int rows, int n) {
  for (int i = 0; i < rows; ++i) {
    float v = 0.0f;
    for (int k = 0; k < n; ++k) v += r[i * n + k] * h[k];
    s[i] = g[i] + v;
  }
}

#endif
