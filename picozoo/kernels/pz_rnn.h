/* Plain recurrent layer over a sequence: g [t][b][n] from the inputs, r [n][n]; act 0 tanh, 1 relu, 2 sigmoid. s: n values
   of working memory. Twin: ops/rnn.py. */
#ifndef PZ_RNN_H
#define PZ_RNN_H

#include "pz_recurrent.h"

PZ_KERNEL void pz_rnn_f32(const pz_f32 *g, const pz_f32 PZ_FLASH *r, const pz_f32 *h0, pz_f32 *y, pz_f32 *h, pz_f32 *s,
                          int t, int b, int n, int reverse, int act, float clip) {
  for (int i = 0; i < b * n; ++i) h[i] = h0[i];
  for (int k = 0; k < t; ++k) {
    const int at = reverse ? t - 1 - k : k;
    for (int j = 0; j < b; ++j) {
      pz_recurrent_gates(g + (at * b + j) * n, r, h + j * n, s, n, n);
      for (int i = 0; i < n; ++i) {
        const float v = pz_clipf(s[i], clip);
        const float u = act == 0 ? pz_tanhf(v) : act == 1 ? (v > 0.0f ? v : 0.0f) : pz_sigmoidf(v);
        h[j * n + i] = y[(at * b + j) * n + i] = u;
      }
    }
  }
}

#endif
