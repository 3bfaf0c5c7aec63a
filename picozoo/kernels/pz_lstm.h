/* LSTM over a sequence: g [t][b][4n] from the inputs, gates i, o, f, c; r [4n][n]; p [3n] peepholes of i, o, f.
   s: 4n values of working memory. Twin: ops/lstm.py. */
#ifndef PZ_LSTM_H
#define PZ_LSTM_H

#include "pz_recurrent.h"

PZ_KERNEL void pz_lstm_f32(const pz_f32 *g, const pz_f32 PZ_FLASH *r, const pz_f32 *h0, const pz_f32 *c0,
                           const pz_f32 PZ_FLASH *p, pz_f32 *y, pz_f32 *h, pz_f32 *c, pz_f32 *s, int t, int b, int n,
                           int reverse, int couple, float clip) {
  for (int i = 0; i < b * n; ++i) {
    h[i] = h0[i];
    c[i] = c0[i];
  }
  for (int k = 0; k < t; ++k) {
    const int at = reverse ? t - 1 - k : k;
    for (int j = 0; j < b; ++j) {
      pz_f32 *hj = h + j * n, *cj = c + j * n;
      pz_recurrent_gates(g + (at * b + j) * 4 * n, r, hj, s, 4 * n, n);
      for (int i = 0; i < n; ++i) {
        const float in = pz_sigmoidf(pz_clipf(s[i] + p[i] * cj[i], clip));
        const float keep = couple ? 1.0f - in : pz_sigmoidf(pz_clipf(s[2 * n + i] + p[2 * n + i] * cj[i], clip));
        const float v = keep * cj[i] + in * pz_tanhf(pz_clipf(s[3 * n + i], clip));
        cj[i] = v;
        hj[i] = pz_sigmoidf(pz_clipf(s[n + i] + p[n + i] * v, clip)) * pz_tanhf(v);
        y[(at * b + j) * n + i] = hj[i];
      }
    }
  }
}

#endif
