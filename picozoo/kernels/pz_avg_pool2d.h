/* Mean of each window of [n][h][w][c]; whole = 1 divides by the full window even at the edge (float only). The output
   may start where the input does if windows do not overlap and nothing hangs over. Twin: ops/avg_pool2d.py. */
#ifndef PZ_AVG_POOL2D_H
#define PZ_AVG_POOL2D_H

#include "pz_fixed.h"

PZ_INLINE float pz_mean_of_f32(float s, int count) { return s / (float)count; }

/* Halves away from zero. */
PZ_INLINE pz_i8 pz_mean_of_i8(int32_t s, int count) {
  return (pz_i8)(s < 0 ? -((-s + count / 2) / count) : (s + count / 2) / count);
}

PZ_INLINE pz_i16 pz_mean_of_i16(int32_t s, int count) {
  return (pz_i16)(s < 0 ? -((-s + count / 2) / count) : (s + count / 2) / count);
}

/* Halves up: the mean of values of uint8, each given 128 less. */
PZ_INLINE pz_i8 pz_mean_up(int32_t s, int count) { return (pz_i8)((s + 128 * (int32_t)count + count / 2) / count - 128); }

/* Channels of a window of rows * cols pixels that begins at p, `row` bytes from row to row: as many at a time as the core
   takes, all of them read before one is written. `up`: halves go up. */
PZ_INLINE void pz_mean_window_i8(const pz_i8 *p, pz_i8 *y, int rows, int cols, int row, int c, int count, int up) {
  int i = 0;
#if PZ_MVE
  if (rows * cols <= 255) { /* sums of bytes in 16 bits */
    PZ_ROLLED
    for (; i < c; i += 8) {
      const mve_pred16_t some = vctp16q((uint32_t)(c - i));
      const pz_i8 *from = p + i;
      int16x8_t sums = vdupq_n_s16(0);
      PZ_ROLLED
      for (int r = 0; r < rows; ++r, from += row) {
        PZ_ROLLED
        for (int k = 0; k < cols; ++k) sums = vaddq_s16(sums, vldrbq_z_s16(from + k * c, some));
      }
      int16_t s[8];
      vst1q_s16(s, sums);
      PZ_ROLLED
      for (int j = 0; j < 8 && i + j < c; ++j) y[i + j] = up ? pz_mean_up(s[j], count) : pz_mean_of_i8(s[j], count);
    }
    return;
  }
#elif PZ_DSP
  if (rows * cols <= 255) {
    PZ_ROLLED
    for (; i + 4 <= c; i += 4) {
      const pz_i8 *from = p + i;
      uint32_t even = 0, odd = 0;
      PZ_ROLLED
      for (int r = 0; r < rows; ++r, from += row) {
        const pz_i8 *q = from;
        PZ_ROLLED
        for (int k = 0; k < cols; ++k, q += c) {
          const uint32_t four = pz_read32(q);
          even = (uint32_t)__sxtab16((int16x2_t)even, (int8x4_t)four);
          odd = (uint32_t)__sxtab16((int16x2_t)odd, (int8x4_t)(four >> 8 | four << 24));
        }
      }
      for (int j = 0; j < 4; ++j) {
        const uint32_t two = j & 1 ? odd : even;
        const int32_t s = j & 2 ? (int32_t)two >> 16 : (int16_t)(uint16_t)(two & 0xffffu);
        y[i + j] = up ? pz_mean_up(s, count) : pz_mean_of_i8(s, count);
      }
    }
  }
#elif !defined(PZ_NO_SIMD) && (defined(__SSE2__) || defined(__aarch64__) || defined(__wasm_simd128__))
  for (; i + 16 <= c; i += 16) {
    int32_t s[16] = {0};
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < cols; ++k) {
        const pz_i8 *from = p + r * row + k * c + i;
        for (int j = 0; j < 16; ++j) s[j] += from[j];
      }
    for (int j = 0; j < 16; ++j) y[i + j] = up ? pz_mean_up(s[j], count) : pz_mean_of_i8(s[j], count);
  }
#endif
  for (; i < c; ++i) {
    int32_t s = 0;
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < cols; ++k) s += p[r * row + k * c + i];
    y[i] = up ? pz_mean_up(s, count) : pz_mean_of_i8(s, count);
  }
}

/* T: of values; `window`: writes the channels of a window. */
#define PZ_DEFINE_AVG_POOL2D(name, T, window)                                                                          \
  PZ_KERNEL void name(const T *x, T *y, int n, int h, int w, int c, int oh, int ow, int kh, int kw, int sh, int sw,    \
                      int pt, int pl, int whole) {                                                                     \
    for (int b = 0; b < n; ++b, x += h * w * c)                                                                        \
      for (int oy = 0; oy < oh; ++oy) {                                                                                \
        const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;        \
        for (int ox = 0; ox < ow; ++ox, y += c) {                                                                      \
          const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;      \
          const int count = whole ? kh * kw : (y1 - y0) * (x1 - x0);                                                   \
          window(x + (y0 * w + x0) * c, y, y1 - y0, x1 - x0, w * c, c, count);                                         \
        }                                                                                                              \
      }                                                                                                                \
  }
#define PZ_DEFINE_MEAN_WINDOW(name, T, S, finish)                                                                      \
  PZ_INLINE void name(const T *p, T *y, int rows, int cols, int row, int c, int count) {                               \
    for (int i = 0; i < c; ++i) {                                                                                      \
      S s = 0;                                                                                                         \
      for (int r = 0; r < rows; ++r)                                                                                   \
        for (int k = 0; k < cols; ++k) s += p[r * row + k * c + i];                                                    \
      y[i] = finish(s, count);                                                                                         \
    }                                                                                                                  \
  }
#define PZ_MEAN_WINDOW_I8(p, y, rows, cols, row, c, count) pz_mean_window_i8(p, y, rows, cols, row, c, count, 0)
#define PZ_MEAN_WINDOW_UP(p, y, rows, cols, row, c, count) pz_mean_window_i8(p, y, rows, cols, row, c, count, 1)

PZ_DEFINE_MEAN_WINDOW(pz_mean_window_f32, pz_f32, float, pz_mean_of_f32)
PZ_DEFINE_MEAN_WINDOW(pz_mean_window_i16, pz_i16, int32_t, pz_mean_of_i16)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_f32, pz_f32, pz_mean_window_f32)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i8, pz_i8, PZ_MEAN_WINDOW_I8)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i8_up, pz_i8, PZ_MEAN_WINDOW_UP)
PZ_DEFINE_AVG_POOL2D(pz_avg_pool2d_i16, pz_i16, pz_mean_window_i16)

#endif
