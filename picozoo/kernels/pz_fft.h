/* Fourier transforms of rows of 2 n real samples, n a power of two, with the roundings of KISS FFT in fixed point. order:
   which input each place holds; inner, outer: cosines and sines. Twin: ops/_fft.py. */
#ifndef PZ_FFT_H
#define PZ_FFT_H

#include "pz_base.h"

#define PZ_FFT_DIV_FLOAT(v, k) ((void)(k), (v))
#define PZ_FFT_HALF_FLOAT(v) ((v) * 0.5f)
#define PZ_FFT_MUL_FLOAT(a, b, c, d) ((a) * (b) + (c) * (d))
#define PZ_FFT_DIV_I16(v, k) (pz_i16)((int32_t)((uint32_t)((int32_t)(v) * (32767 / (k))) + (1u << 14)) >> 15)
#define PZ_FFT_MUL_I16(a, b, c, d) \
  (pz_i16)((int32_t)((uint32_t)((int32_t)(a) * (b)) + (uint32_t)((int32_t)(c) * (d)) + (1u << 14)) >> 15)
#define PZ_FFT_DIV_I32(v, k) (pz_i32)((int64_t)((uint64_t)((int64_t)(v) * (2147483647 / (k))) + (1u << 30)) >> 31)
#define PZ_FFT_MUL_I32(a, b, c, d) \
  (pz_i32)((int64_t)((uint64_t)((int64_t)(a) * (b)) + (uint64_t)((int64_t)(c) * (d)) + (1u << 30)) >> 31)
#define PZ_FFT_HALF(v) ((v) >> 1)

/* T: the type; S: a type for sums; DIV(v, k); MUL(a, b, c, d): a b + c d; HALF(v). */
#define PZ_DEFINE_FFT(suffix, T, S, DIV, MUL, HALF)                                                                            \
  PZ_INLINE void pz_fft_turn_##suffix(T *f, const T PZ_FLASH *w, int k) {                                                      \
    const T r = (T)DIV(f[0], k), i = (T)DIV(f[1], k);                                                                          \
    f[0] = (T)MUL(r, w[0], -(S)i, w[1]);                                                                                       \
    f[1] = (T)MUL(r, w[1], i, w[0]);                                                                                           \
  }                                                                                                                            \
  /* n complex numbers, already in order. */                                                                                   \
  static PZ_UNUSED void pz_fft_##suffix(T *f, const T PZ_FLASH *w, int n, int inverse) {                                       \
    int m = 1;                                                                                                                 \
    while (m * 4 <= n) m *= 4;                                                                                                 \
    const int two = m < n;                                                                                                     \
    for (int b = 0; two && b < n; b += 2) {                                                                                    \
      T *const p = f + 2 * b;                                                                                                  \
      pz_fft_turn_##suffix(p + 2, w, 2);                                                                                       \
      for (int c = 0; c < 2; ++c) {                                                                                            \
        const T v = (T)DIV(p[c], 2), t = p[2 + c];                                                                             \
        p[c] = (T)(v + t);                                                                                                     \
        p[2 + c] = (T)(v - t);                                                                                                 \
      }                                                                                                                        \
    }                                                                                                                          \
    for (m = two ? 2 : 1; m < n; m *= 4)                                                                                       \
      for (int b = 0; b < n; b += 4 * m)                                                                                       \
        for (int k = 0; k < m; ++k) {                                                                                          \
          T *const p = f + 2 * (b + k), *const q = p + 2 * m, *const r = q + 2 * m, *const s = r + 2 * m;                      \
          const int step = 2 * k * (n / (4 * m));                                                                              \
          pz_fft_turn_##suffix(q, w + step, 4);                                                                                \
          pz_fft_turn_##suffix(r, w + 2 * step, 4);                                                                            \
          pz_fft_turn_##suffix(s, w + 3 * step, 4);                                                                            \
          const T a0 = (T)DIV(p[0], 4), a1 = (T)DIV(p[1], 4);                                                                  \
          const T odd0 = (T)(a0 - r[0]), odd1 = (T)(a1 - r[1]), even0 = (T)(a0 + r[0]), even1 = (T)(a1 + r[1]);                \
          const T sum0 = (T)(q[0] + s[0]), sum1 = (T)(q[1] + s[1]);                                                            \
          const T cross0 = (T)(q[0] - s[0]), cross1 = (T)(q[1] - s[1]);                                                        \
          const S t0 = inverse ? -(S)cross1 : (S)cross1, t1 = inverse ? (S)cross0 : -(S)cross0;                                \
          p[0] = (T)(even0 + sum0);                                                                                            \
          p[1] = (T)(even1 + sum1);                                                                                            \
          r[0] = (T)(even0 - sum0);                                                                                            \
          r[1] = (T)(even1 - sum1);                                                                                            \
          q[0] = (T)(odd0 + t0);                                                                                               \
          q[1] = (T)(odd1 + t1);                                                                                               \
          s[0] = (T)(odd0 - t0);                                                                                               \
          s[1] = (T)(odd1 - t1);                                                                                               \
        }                                                                                                                      \
  }                                                                                                                            \
  /* x: rows of `length` samples, y: rows of n + 1 bins, f: 2 n values. */                                                     \
  PZ_KERNEL void pz_signal_rfft_##suffix(const T *x, const uint16_t PZ_FLASH *order, const T PZ_FLASH *inner,                  \
                                         const T PZ_FLASH *outer, T *y, T *f, int rows, int length, int n) {                   \
    for (; rows > 0; --rows, x += length, y += 2 * n + 2) {                                                                    \
      for (int i = 0; i < 2 * n; ++i) {                                                                                        \
        const int at = 2 * order[i / 2] + i % 2;                                                                               \
        f[i] = at < length ? x[at] : (T)0;                                                                                     \
      }                                                                                                                        \
      pz_fft_##suffix(f, inner, n, 0);                                                                                         \
      for (int i = 0; i < 2 * n; ++i) f[i] = (T)DIV(f[i], 2);                                                                  \
      y[0] = (T)DIV_BACK_##suffix(f[0], f[1], +);                                                                              \
      y[2 * n] = (T)DIV_BACK_##suffix(f[0], f[1], -);                                                                          \
      y[1] = y[2 * n + 1] = (T)0;                                                                                              \
      for (int k = 1; k <= n / 2; ++k) {                                                                                       \
        const T *const a = f + 2 * k, *const b = f + 2 * (n - k);                                                              \
        const T PZ_FLASH *const w = outer + 2 * (k - 1);                                                                       \
        const T minus = (T)(-(S)b[1]), s0 = (T)(a[0] + b[0]), s1 = (T)(a[1] + minus);                                          \
        const T d0 = (T)(a[0] - b[0]), d1 = (T)(a[1] - minus);                                                                 \
        const T t0 = (T)MUL(d0, w[0], -(S)d1, w[1]), t1 = (T)MUL(d0, w[1], d1, w[0]);                                          \
        y[2 * k] = (T)HALF((S)s0 + t0);                                                                                        \
        y[2 * k + 1] = (T)HALF((S)s1 + t1);                                                                                    \
        y[2 * (n - k)] = (T)HALF((S)s0 - t0);                                                                                  \
        y[2 * (n - k) + 1] = (T)HALF((S)t1 - s1);                                                                              \
      }                                                                                                                        \
    }                                                                                                                          \
  }                                                                                                                            \
  /* x: rows of n + 1 bins, y: rows of 2 n samples, f: 2 n values. */                                                          \
  PZ_KERNEL void pz_signal_irfft_##suffix(const T *x, const uint16_t PZ_FLASH *order, const T PZ_FLASH *inner,                 \
                                          const T PZ_FLASH *outer, T *y, T *f, int rows, int n) {                              \
    for (; rows > 0; --rows, x += 2 * n + 2, y += 2 * n) {                                                                     \
      const T plus = (T)(x[0] + x[2 * n]), less = (T)(x[0] - x[2 * n]);                                                        \
      f[0] = (T)DIV(plus, 2);                                                                                                  \
      f[1] = (T)DIV(less, 2);                                                                                                  \
      for (int k = 1; k <= n / 2; ++k) {                                                                                       \
        const T minus = (T)(-(S)x[2 * (n - k) + 1]);                                                                           \
        const T a0 = (T)DIV(x[2 * k], 2), a1 = (T)DIV(x[2 * k + 1], 2);                                                        \
        const T b0 = (T)DIV(x[2 * (n - k)], 2), b1 = (T)DIV(minus, 2);                                                         \
        const T PZ_FLASH *const w = outer + 2 * (k - 1);                                                                       \
        const T e0 = (T)(a0 + b0), e1 = (T)(a1 + b1), d0 = (T)(a0 - b0), d1 = (T)(a1 - b1);                                    \
        const T o0 = (T)MUL(d0, w[0], -(S)d1, w[1]), o1 = (T)MUL(d0, w[1], d1, w[0]);                                          \
        f[2 * k] = (T)(e0 + o0);                                                                                               \
        f[2 * k + 1] = (T)(e1 + o1);                                                                                           \
        f[2 * (n - k)] = (T)(e0 - o0);                                                                                         \
        f[2 * (n - k) + 1] = (T)(-(S)(T)(e1 - o1));                                                                            \
      }                                                                                                                        \
      for (int i = 0; i < 2 * n; ++i) y[i] = f[2 * order[i / 2] + i % 2];                                                      \
      pz_fft_##suffix(y, inner, n, 1);                                                                                         \
      PZ_FFT_END_##suffix(y, n)                                                                                                \
    }                                                                                                                          \
  }

#define DIV_BACK_i16(a, b, op) ((int32_t)(a) op(b))
#define DIV_BACK_i32(a, b, op) ((int64_t)(a) op(b))
#define DIV_BACK_f32(a, b, op) ((a) op(b))
#define PZ_FFT_END_i16(y, n)
#define PZ_FFT_END_i32(y, n)
#define PZ_FFT_END_f32(y, n) \
  for (int i = 0; i < 2 * n; ++i) y[i] /= (float)n * 2.0f;

PZ_DEFINE_FFT(i16, pz_i16, int32_t, PZ_FFT_DIV_I16, PZ_FFT_MUL_I16, PZ_FFT_HALF)
PZ_DEFINE_FFT(i32, pz_i32, int64_t, PZ_FFT_DIV_I32, PZ_FFT_MUL_I32, PZ_FFT_HALF)
PZ_DEFINE_FFT(f32, pz_f32, float, PZ_FFT_DIV_FLOAT, PZ_FFT_MUL_FLOAT, PZ_FFT_HALF_FLOAT)

#endif
