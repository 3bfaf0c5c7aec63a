/* What the recurrent kernels in float share. Used by lstm, gru, rnn. */
#ifndef PZ_RECURRENT_H
#define PZ_RECURRENT_H

#include "pz_math.h"

PZ_INLINE float pz_clipf(float x, float clip) { return x < -clip ? -clip : x > clip ? clip : x; }

/* Where step s of sequence b begins, in rows of a tensor [n][t], or [t][n] if major; `back`: from the last step on. */
PZ_INLINE int pz_step_at(int b, int s, int n, int t, int major, int back) {
  const int step = back ? t - 1 - s : s;
  return major ? step * n + b : b * t + step;
}

/* s = (s if add, plus) w x + b: `rows` sums over n. */
PZ_INLINE void pz_recurrent_rows(const pz_f32 *x, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *b, pz_f32 *s, int rows,
                                 int n, int add) {
  for (int i = 0; i < rows; ++i, w += n) {
    float v = (add ? s[i] : 0.0f) + (b ? b[i] : 0.0f);
    for (int k = 0; k < n; ++k) v += w[k] * x[k];
    s[i] = v;
  }
}

#endif
