/* Fourier transforms of rows of float samples: steps of radix 4, 2 and odd primes, in place. order: which input each place
   holds; steps: radixes, then 0; w: n cosines and sines side by side. uses: bit p is set if radix p <= 7 occurs, bit 0 if a
   larger one does (literal, so that the rest is left out). more: 2 (p - 1) values for the largest p > 7. y and f may be the
   same. Twin: ops/dft.py. */
#ifndef PZ_DFT_H
#define PZ_DFT_H

#include "pz_base.h"

PZ_INLINE void pz_dft_turn_f32(const pz_f32 *f, const pz_f32 PZ_FLASH *w, float *r, float *i) {
  *r = f[0] * w[0] - f[1] * w[1];
  *i = f[0] * w[1] + f[1] * w[0];
}

PZ_INLINE void pz_dft_two_f32(pz_f32 *f, const pz_f32 PZ_FLASH *w, int n, int m) {
  for (int b = 0; b < n; b += 2 * m)
    for (int k = 0; k < m; ++k) {
      pz_f32 *const p = f + 2 * (b + k), *const q = p + 2 * m;
      float r = q[0], i = q[1];
      if (k) pz_dft_turn_f32(q, w + 2 * k * (n / (2 * m)), &r, &i);
      q[0] = p[0] - r;
      q[1] = p[1] - i;
      p[0] += r;
      p[1] += i;
    }
}

PZ_INLINE void pz_dft_four_f32(pz_f32 *f, const pz_f32 PZ_FLASH *w, int n, int m, int inverse) {
  for (int b = 0; b < n; b += 4 * m)
    for (int k = 0; k < m; ++k) {
      pz_f32 *const p = f + 2 * (b + k), *const q = p + 2 * m, *const r = q + 2 * m, *const s = r + 2 * m;
      float q0 = q[0], q1 = q[1], r0 = r[0], r1 = r[1], s0 = s[0], s1 = s[1];
      if (k) {
        const int step = 2 * k * (n / (4 * m));
        pz_dft_turn_f32(q, w + step, &q0, &q1);
        pz_dft_turn_f32(r, w + 2 * step, &r0, &r1);
        pz_dft_turn_f32(s, w + 3 * step, &s0, &s1);
      }
      const float even0 = p[0] + r0, even1 = p[1] + r1, odd0 = p[0] - r0, odd1 = p[1] - r1;
      const float sum0 = q0 + s0, sum1 = q1 + s1;
      const float t0 = inverse ? s1 - q1 : q1 - s1, t1 = inverse ? q0 - s0 : s0 - q0;
      p[0] = even0 + sum0;
      p[1] = even1 + sum1;
      r[0] = even0 - sum0;
      r[1] = even1 - sum1;
      q[0] = odd0 + t0;
      q[1] = odd1 + t1;
      s[0] = odd0 - t0;
      s[1] = odd1 - t1;
    }
}

/* An odd radix p: outputs k and p - k share their sums. s, d: p - 1 values of working memory each. */
PZ_INLINE void pz_dft_odd_f32(pz_f32 *f, const pz_f32 PZ_FLASH *w, int n, int m, int p, pz_f32 *s, pz_f32 *d) {
  const int half = (p - 1) / 2, stride = n / (p * m), root = n / p;
  for (int b = 0; b < n; b += p * m)
    for (int k = 0; k < m; ++k) {
      pz_f32 *const at = f + 2 * (b + k);
      const float first0 = at[0], first1 = at[1];
      float all0 = first0, all1 = first1;
      for (int j = 1; j <= half; ++j) {
        const pz_f32 *const u = at + 2 * j * m, *const v = at + 2 * (p - j) * m;
        float u0 = u[0], u1 = u[1], v0 = v[0], v1 = v[1];
        if (k) {
          pz_dft_turn_f32(u, w + 2 * (stride * j * k), &u0, &u1);
          pz_dft_turn_f32(v, w + 2 * (stride * (p - j) * k), &v0, &v1);
        }
        all0 += s[2 * j - 2] = u0 + v0;
        all1 += s[2 * j - 1] = u1 + v1;
        d[2 * j - 2] = u0 - v0;
        d[2 * j - 1] = u1 - v1;
      }
      at[0] = all0;
      at[1] = all1;
      for (int q = 1; q <= half; ++q) {
        float a0 = first0, a1 = first1, b0 = 0, b1 = 0;
        for (int j = 1, turn = 0; j <= half; ++j) {
          turn = turn + q < p ? turn + q : turn + q - p;
          const float c = w[2 * (root * turn)], e = w[2 * (root * turn) + 1];
          a0 += s[2 * j - 2] * c;
          a1 += s[2 * j - 1] * c;
          b0 += d[2 * j - 2] * e;
          b1 += d[2 * j - 1] * e;
        }
        pz_f32 *const u = at + 2 * q * m, *const v = at + 2 * (p - q) * m;
        u[0] = a0 - b1;
        u[1] = a1 + b0;
        v[0] = a0 + b1;
        v[1] = a1 - b0;
      }
    }
}

/* n complex numbers, already in order. */
PZ_INLINE void pz_dft_steps_f32(pz_f32 *f, const uint16_t PZ_FLASH *steps, const pz_f32 PZ_FLASH *w, int n, int uses,
                                int inverse, pz_f32 *more) {
  pz_f32 s[6], d[6]; /* of radix 7 and less: mostly in registers */
  for (int m = 1; *steps; m *= *steps++) {
    const int p = *steps;
    if ((uses & 16) && p == 4)
      pz_dft_four_f32(f, w, n, m, inverse);
    else if ((uses & 4) && p == 2)
      pz_dft_two_f32(f, w, n, m);
    else if ((uses & 8) && p == 3)
      pz_dft_odd_f32(f, w, n, m, 3, s, d);
    else if ((uses & 32) && p == 5)
      pz_dft_odd_f32(f, w, n, m, 5, s, d);
    else if ((uses & 128) && p == 7)
      pz_dft_odd_f32(f, w, n, m, 7, s, d);
    else if (uses & 1)
      pz_dft_odd_f32(f, w, n, m, p, more, more + (p - 1));
  }
}

/* x: rows of `length` complex (parts 2) or real (parts 1) numbers, y: rows of `bins` complex ones, f: n complex ones, or y
   itself if bins is n. own: f is not y. */
PZ_KERNEL void pz_dft_f32(const pz_f32 *x, const uint16_t PZ_FLASH *order, const uint16_t PZ_FLASH *steps,
                          const pz_f32 PZ_FLASH *w, pz_f32 *y, pz_f32 *f, pz_f32 *more, int own, int rows, int length,
                          int parts, int n, int bins, int uses, int inverse) {
  for (; rows > 0; --rows, x += length * parts, y += 2 * bins) {
    pz_f32 *const g = own ? f : y;
    for (int i = 0; i < n; ++i) {
      const int at = order[i];
      g[2 * i] = at < length ? x[parts * at] : 0;
      g[2 * i + 1] = parts == 2 && at < length ? x[parts * at + 1] : 0;
    }
    pz_dft_steps_f32(g, steps, w, n, uses, inverse, more);
    if (own || inverse)
      for (int i = 0; i < 2 * bins; ++i) y[i] = inverse ? g[i] / (float)n : g[i];
  }
}

/* Rows of 2 n real samples: x: `length` of them, 0 behind; y: n + 1 bins, or all 2 n; outer: the rotations that make the
   transform of n complex numbers one of 2 n real ones. */
PZ_KERNEL void pz_dft_real_f32(const pz_f32 *x, const uint16_t PZ_FLASH *order, const uint16_t PZ_FLASH *steps,
                               const pz_f32 PZ_FLASH *w, const pz_f32 PZ_FLASH *outer, pz_f32 *y, pz_f32 *more, int rows,
                               int length, int n, int bins, int uses, int inverse) {
  for (; rows > 0; --rows, x += length, y += 2 * bins) {
    for (int i = 0; i < 2 * n; ++i) {
      const int at = 2 * order[i / 2] + i % 2;
      y[i] = at < length ? x[at] : 0;
    }
    pz_dft_steps_f32(y, steps, w, n, uses, inverse, more);
    const float sum = y[0] + y[1], difference = y[0] - y[1];
    y[0] = sum;
    y[2 * n] = difference;
    y[1] = y[2 * n + 1] = 0;
    for (int k = 1; k <= n / 2; ++k) {
      pz_f32 *const a = y + 2 * k, *const b = y + 2 * (n - k);
      const pz_f32 PZ_FLASH *const o = outer + 2 * (k - 1);
      const float s0 = a[0] + b[0], s1 = a[1] - b[1], d0 = a[0] - b[0], d1 = a[1] + b[1];
      const float t0 = d0 * o[0] - d1 * o[1], t1 = d0 * o[1] + d1 * o[0];
      a[0] = (s0 + t0) * 0.5f;
      a[1] = (s1 + t1) * 0.5f;
      b[0] = (s0 - t0) * 0.5f;
      b[1] = (t1 - s1) * 0.5f;
    }
    for (int k = n + 1; k < bins; ++k) {
      y[2 * k] = y[2 * (2 * n - k)];
      y[2 * k + 1] = -y[2 * (2 * n - k) + 1];
    }
    if (inverse)
      for (int i = 0; i < 2 * bins; ++i) y[i] /= 2 * (float)n;
  }
}

#endif
