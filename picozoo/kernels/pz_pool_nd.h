/* Pooling of [n][d][h][w] (n: batches and channels) over windows of [kd][kh][kw]. Twin: ops/pool_nd.py. */
#ifndef PZ_POOL_ND_H
#define PZ_POOL_ND_H

#include "pz_math.h"

#define PZ_POOL_SIZES                                                                                               \
  int n, int d, int h, int w, int od, int oh, int ow, int kd, int kh, int kw, int sd, int sh, int sw, int pd, int ph, \
      int pw, int dd, int dh, int dw

/* For each output, `begin`; for each place of its window inside the input, `step` with its offset `at`; then `end`. */
#define PZ_POOL_LOOPS(begin, step, end)                                             \
  for (int b = 0; b < n; ++b, x += d * h * w)                                       \
    for (int oz = 0; oz < od; ++oz)                                                 \
      for (int oy = 0; oy < oh; ++oy)                                               \
        for (int ox = 0; ox < ow; ++ox) {                                           \
          begin;                                                                    \
          for (int kz = 0; kz < kd; ++kz) {                                         \
            const int iz = oz * sd - pd + kz * dd;                                  \
            if (iz < 0 || iz >= d) continue;                                        \
            for (int ky = 0; ky < kh; ++ky) {                                       \
              const int iy = oy * sh - ph + ky * dh;                                \
              if (iy < 0 || iy >= h) continue;                                      \
              for (int kx = 0; kx < kw; ++kx) {                                     \
                const int ix = ox * sw - pw + kx * dw;                              \
                if (ix < 0 || ix >= w) continue;                                    \
                const int at = (iz * h + iy) * w + ix;                              \
                step;                                                               \
              }                                                                     \
            }                                                                       \
          }                                                                         \
          end;                                                                      \
        }

#define PZ_DEFINE_POOL_ND_MAX(name, T)                                                                         \
  PZ_KERNEL void name(const T *x, T *y, pz_i64 *places, PZ_POOL_SIZES, int column) {                           \
    PZ_POOL_LOOPS(                                                                                             \
        int best = -1, if (best < 0 || x[at] > x[best]) best = at, *y++ = x[best < 0 ? 0 : best];              \
        if (places) *places++ = column ? b * d * h * w + best / (h * w) * h * w + best % w * h + best / w % h : \
                                         b * d * h * w + best)                                                 \
  }

PZ_DEFINE_POOL_ND_MAX(pz_pool_nd_max_f32, pz_f32)
PZ_DEFINE_POOL_ND_MAX(pz_pool_nd_max_i8, pz_i8)
PZ_DEFINE_POOL_ND_MAX(pz_pool_nd_max_u8, pz_u8)
PZ_DEFINE_POOL_ND_MAX(pz_pool_nd_max_i16, pz_i16)
PZ_DEFINE_POOL_ND_MAX(pz_pool_nd_max_i32, pz_i32)

/* Places of a window at `first` that lie before `end`. */
PZ_INLINE int pz_places_before(int first, int k, int dilation, int end) {
  int count = 0;
  for (int i = 0; i < k; ++i) count += first + i * dilation < end;
  return count;
}

PZ_KERNEL void pz_pool_nd_avg(const pz_f32 *x, pz_f32 *y, PZ_POOL_SIZES, int ad, int ah, int aw, int count_pad) {
  PZ_POOL_LOOPS(float s = 0.0f; int count = 0, s += x[at]; ++count,
                if (count_pad) count = pz_places_before(oz * sd - pd, kd, dd, d + ad) *
                                       pz_places_before(oy * sh - ph, kh, dh, h + ah) *
                                       pz_places_before(ox * sw - pw, kw, dw, w + aw);
                *y++ = s / (float)count)
}

PZ_KERNEL void pz_pool_nd_lp(const pz_f32 *x, pz_f32 *y, PZ_POOL_SIZES, float p, float inverse) {
  PZ_POOL_LOOPS(float s = 0.0f, s += pz_powf(pz_fabsf(x[at]), p), *y++ = pz_powf(s, inverse))
}

#endif
