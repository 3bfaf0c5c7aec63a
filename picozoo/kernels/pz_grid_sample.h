/* Samples x: [n][c][d][h][w] at `points` of a grid [n][points][k], k = 2 (x, y) or 3 (x, y, z), from -1 to 1.
   mode 0 nearest, 1 linear, 2 cubic; padding 0 zeros, 1 border, 2 reflection. Twin: ops/grid_sample.py. */
#ifndef PZ_GRID_SAMPLE_H
#define PZ_GRID_SAMPLE_H

#include "pz_math.h"

PZ_INLINE float pz_grid_reflect(float v, float low, float high) {
  const float span = high - low;
  if (span <= 0.0f) return 0.0f;
  v = pz_fabsf(v - low);
  v -= 2.0f * span * pz_floorf(v / (2.0f * span));
  return (v > span ? 2.0f * span - v : v) + low;
}

/* A place in one dimension of n, after padding; -1 outside. */
PZ_INLINE int pz_grid_place(int i, int n, int padding, int align) {
  if (i >= 0 && i < n) return i;
  if (padding == 0) return -1;
  if (padding == 2) {
    const float high = (float)n - (align ? 1.0f : 0.5f);
    i = (int)(pz_grid_reflect((float)i, align ? 0.0f : -0.5f, high) + (align ? 0.0f : 1e-4f));
  }
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

PZ_INLINE void pz_grid_weights(float t, int mode, float *w) {
  if (mode == 1) {
    w[0] = 1.0f - t;
    w[1] = t;
    return;
  }
  const float a = -0.75f, s = 1.0f - t;
  w[0] = ((a * (t + 1.0f) - 5.0f * a) * (t + 1.0f) + 8.0f * a) * (t + 1.0f) - 4.0f * a;
  w[1] = ((a + 2.0f) * t - (a + 3.0f)) * t * t + 1.0f;
  w[2] = ((a + 2.0f) * s - (a + 3.0f)) * s * s + 1.0f;
  w[3] = ((a * (s + 1.0f) - 5.0f * a) * (s + 1.0f) + 8.0f * a) * (s + 1.0f) - 4.0f * a;
}

PZ_KERNEL void pz_grid_sample(const pz_f32 *x, const pz_f32 *grid, pz_f32 *y, int n, int c, int d, int h, int w,
                              int points, int k, int mode, int padding, int align) {
  const int size[3] = {d, h, w}, inner = d * h * w, reach = mode == 2 ? 4 : mode == 1 ? 2 : 1;
  for (int b = 0; b < n; ++b, x += c * inner, y += c * points)
    for (int p = 0; p < points; ++p, grid += k) {
      int base[3] = {0, 0, 0}, count[3] = {1, 1, 1};
      float weight[3][4] = {{1.0f}, {1.0f}, {1.0f}};
      for (int j = 3 - k; j < 3; ++j) {
        const float v = grid[2 - j], s = (float)size[j];
        float at = align ? (v + 1.0f) * 0.5f * (s - 1.0f) : ((v + 1.0f) * s - 1.0f) * 0.5f;
        if (padding != 0 && mode != 2) {
          const float low = align ? 0.0f : -0.5f, high = align ? s - 1.0f : s - 0.5f;
          if (padding == 2 && (at < low || at > high)) at = pz_grid_reflect(at, low, high);
          at = at < 0.0f ? 0.0f : at > s - 1.0f ? s - 1.0f : at;
        }
        if (!(at > -1e6f)) at = -1e6f;
        if (at > 1e6f) at = 1e6f;
        const float f = mode == 0 ? pz_roundf(at) : pz_floorf(at);
        base[j] = (int)f - (mode == 2);
        count[j] = reach;
        if (mode != 0) pz_grid_weights(at - f, mode, weight[j]);
      }
      for (int i = 0; i < c; ++i) {
        const pz_f32 *plane = x + i * inner;
        float total = 0.0f;
        for (int a0 = 0; a0 < count[0]; ++a0) {
          const int z = pz_grid_place(base[0] + a0, d, padding, align);
          for (int a1 = 0; a1 < count[1]; ++a1) {
            const int r = pz_grid_place(base[1] + a1, h, padding, align);
            for (int a2 = 0; a2 < count[2]; ++a2) {
              const int q = pz_grid_place(base[2] + a2, w, padding, align);
              if (z < 0 || r < 0 || q < 0) continue;
              total += weight[0][a0] * weight[1][a1] * weight[2][a2] * plane[(z * h + r) * w + q];
            }
          }
        }
        y[i * points + p] = total;
      }
    }
}

#endif
