/* Largest value of each window of [n][h][w][c]. The output may start where the input does if windows do not overlap
   and nothing hangs over the edge (it never overtakes the input). Twin: ops/max_pool2d.py. */
#ifndef PZ_MAX_POOL2D_H
#define PZ_MAX_POOL2D_H

#include "pz_fixed.h"

#define PZ_DEFINE_MAX_POOL2D(name, T)                                                                                  \
  PZ_KERNEL void name(const T *x, T *y, int n, int h, int w, int c, int oh, int ow, int kh, int kw, int sh, int sw,    \
                      int pt, int pl) {                                                                                \
    for (int b = 0; b < n; ++b, x += h * w * c)                                                                        \
      for (int oy = 0; oy < oh; ++oy) {                                                                                \
        const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;        \
        for (int ox = 0; ox < ow; ++ox) {                                                                              \
          const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;      \
          for (int i = 0; i < c; ++i) {                                                                                \
            T top = x[(y0 * w + x0) * c + i];                                                                          \
            for (int iy = y0; iy < y1; ++iy)                                                                           \
              for (int ix = x0; ix < x1; ++ix) {                                                                       \
                const T v = x[(iy * w + ix) * c + i];                                                                  \
                if (v > top) top = v;                                                                                  \
              }                                                                                                        \
            *y++ = top;                                                                                                \
          }                                                                                                            \
        }                                                                                                              \
      }                                                                                                                \
  }

PZ_DEFINE_MAX_POOL2D(pz_max_pool2d_f32, pz_f32)
PZ_DEFINE_MAX_POOL2D(pz_max_pool2d_i16, pz_i16)

/* The larger ones of four bytes. */
#if PZ_ASM
PZ_INLINE uint32_t pz_max8x4(uint32_t a, uint32_t b) {
  uint32_t y;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(y) : "r"(a), "r"(b) : "cc");
  return y;
}
#endif

/* Channels of a window of rows * cols pixels that begins at p, `row` bytes from row to row: as many at a time as the
   core takes, all of them read before one is written. */
PZ_INLINE void pz_max_window_i8(const pz_i8 *p, pz_i8 *y, int rows, int cols, int row, int c) {
  int i = 0;
#if PZ_MVE
  PZ_ROLLED
  for (; i < c; i += 16) {
    const mve_pred16_t some = vctp8q((uint32_t)(c - i));
    const pz_i8 *from = p + i;
    int8x16_t top = vldrbq_z_s8(from, some);
    PZ_ROLLED
    for (int r = 0; r < rows; ++r, from += row) {
      PZ_ROLLED
      for (int k = 0; k < cols; ++k) top = vmaxq_s8(top, vldrbq_z_s8(from + k * c, some));
    }
    vstrbq_p_s8(y + i, top, some);
  }
#else
#if PZ_ASM
  PZ_ROLLED
  for (; i + 4 <= c; i += 4) {
    const pz_i8 *from = p + i;
    uint32_t top = pz_read32(from);
    PZ_ROLLED
    for (int r = 0; r < rows; ++r, from += row) {
      const pz_i8 *q = from;
      PZ_ROLLED
      for (int k = 0; k < cols; ++k, q += c) top = pz_max8x4(top, pz_read32(q));
    }
    __builtin_memcpy(y + i, &top, 4);
  }
#elif !defined(PZ_NO_SIMD) && (defined(__SSE2__) || defined(__aarch64__) || defined(__wasm_simd128__))
  for (; i + 16 <= c; i += 16) {
    pz_i8 top[16];
    for (int j = 0; j < 16; ++j) top[j] = p[i + j];
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < cols; ++k) {
        const pz_i8 *from = p + r * row + k * c + i;
        for (int j = 0; j < 16; ++j) top[j] = from[j] > top[j] ? from[j] : top[j];
      }
    for (int j = 0; j < 16; ++j) y[i + j] = top[j];
  }
#endif
  PZ_ROLLED
  for (; i < c; ++i) {
    const pz_i8 *from = p + i;
    int top = *from;
    for (int r = 0; r < rows; ++r, from += row) {
      const pz_i8 *q = from;
      for (int k = 0; k < cols; ++k, q += c) top = *q > top ? *q : top;
    }
    y[i] = (pz_i8)top;
  }
#endif
}

PZ_KERNEL void pz_max_pool2d_i8(const pz_i8 *x, pz_i8 *y, int n, int h, int w, int c, int oh, int ow, int kh, int kw, int sh,
                                int sw, int pt, int pl) {
  for (int b = 0; b < n; ++b, x += h * w * c)
    for (int oy = 0; oy < oh; ++oy) {
      const int y0 = oy * sh - pt < 0 ? 0 : oy * sh - pt, y1 = oy * sh - pt + kh > h ? h : oy * sh - pt + kh;
      for (int ox = 0; ox < ow; ++ox, y += c) {
        const int x0 = ox * sw - pl < 0 ? 0 : ox * sw - pl, x1 = ox * sw - pl + kw > w ? w : ox * sw - pl + kw;
        pz_max_window_i8(x + (y0 * w + x0) * c, y, y1 - y0, x1 - x0, w * c, c);
      }
    }
}

#endif
