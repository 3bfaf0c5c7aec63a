/* GRU over a sequence: g [t][b][3n] from the inputs, gates z, r, h; w [3n][n]. s: 3n values of working memory. Twin:
   ops/gru.py. */
#ifndef PZ_GRU_H
#define PZ_GRU_H

#include "pz_recurrent.h"

PZ_KERNEL void pz_gru_f32(const pz_f32 *g, const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *rb, const pz_f32 *h0,
                          pz_f32 *y, pz_f32 *h, pz_f32 *s, int t, int b, int n, int reverse, int after, float clip) {
  const pz_f32 PZ_FLASH *wh = w + 2 * n * n;
  for (int i = 0; i < b * n; ++i) h[i] = h0[i];
  for (int k = 0; k < t; ++k) {
    const int at = reverse ? t - 1 - k : k;
    for (int j = 0; j < b; ++j) {
      const pz_f32 *gj = g + (at * b + j) * 3 * n;
      pz_f32 *hj = h + j * n, *z = s, *r = s + n, *u = s + 2 * n;
      pz_recurrent_gates(gj, w, hj, s, 2 * n, n);
      for (int i = 0; i < 2 * n; ++i) s[i] = pz_sigmoidf(pz_clipf(s[i], clip));
      for (int i = 0; i < n; ++i) {
        float v = after ? rb[i] : 0.0f;
        for (int m = 0; m < n; ++m) v += wh[i * n + m] * (after ? hj[m] : r[m] * hj[m]);
        u[i] = pz_tanhf(pz_clipf(gj[2 * n + i] + (after ? r[i] * v : v), clip));
      }
      for (int i = 0; i < n; ++i) y[(at * b + j) * n + i] = hj[i] = (1.0f - z[i]) * u[i] + z[i] * hj[i];
    }
  }
}

#endif
