/* The few functions of libm that networks need, for chips without one. Relative error against the true value is
   below 4e-7 (about three units in the last place) unless said otherwise; tests/ops/test_math.py measures it.
   Polynomial coefficients of exp, log, tanh and sine: Moshier, Cephes Mathematical Library, single precision. */
#ifndef PZ_MATH_H
#define PZ_MATH_H

#include "pz_base.h"

PZ_INLINE float pz_bits_f32(uint32_t u) {
  union { uint32_t u; float f; } v;
  v.u = u;
  return v.f;
}

PZ_INLINE uint32_t pz_f32_bits(float f) {
  union { float f; uint32_t u; } v;
  v.f = f;
  return v.u;
}

PZ_INLINE float pz_fabsf(float x) { return x < 0.0f ? -x : x; }

/* Nearest integer below; exact for every float. */
PZ_INLINE float pz_floorf(float x) {
  if (!(pz_fabsf(x) < 8388608.0f)) return x;
  float t = (float)(int32_t)x;
  return t > x ? t - 1.0f : t;
}

/* Halves to even, as torch.round. */
PZ_INLINE float pz_roundf(float x) {
  if (!(pz_fabsf(x) < 8388608.0f)) return x;
  float t = pz_floorf(x), d = x - t;
  if (d > 0.5f || (d == 0.5f && ((int32_t)t & 1))) t += 1.0f;
  return t;
}

/* 2^n for n from -126 to 127. */
PZ_INLINE float pz_exp2i(int32_t n) { return pz_bits_f32((uint32_t)(n + 127) << 23); }

/* e^x: x = n ln 2 + r, |r| <= ln 2 / 2, polynomial in r. Overflows to infinity, underflows to 0. */
static PZ_NOINLINE PZ_UNUSED float pz_expf(float x) {
  if (x != x) return x;
  if (x > 88.72283f) return pz_bits_f32(0x7f800000u);
  if (x < -103.97f) return 0.0f;
  int32_t n = (int32_t)(x * 1.44269504f + (x < 0.0f ? -0.5f : 0.5f));
  float f = (float)n;
  float r = (x - f * 0.693359375f) + f * 2.12194440e-4f;
  float p = 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = 1.0f + (r + r * r * p);
  if (n > 127) return p * pz_exp2i(127) * pz_exp2i(n - 127);
  if (n < -126) return p * pz_exp2i(-126) * pz_exp2i(n + 126 < -126 ? -126 : n + 126);
  return p * pz_exp2i(n);
}

/* Natural logarithm: x = 2^e m, m in [sqrt(1/2), sqrt(2)). log 0 = -inf, negative = NaN. */
static PZ_NOINLINE PZ_UNUSED float pz_logf(float x) {
  if (x != x) return x;
  if (x < 0.0f) return pz_bits_f32(0x7fc00000u);
  if (x == 0.0f) return pz_bits_f32(0xff800000u);
  uint32_t u = pz_f32_bits(x);
  if (u == 0x7f800000u) return x;
  int32_t e = 0;
  if (u < 0x00800000u) {
    x *= 8388608.0f;
    e = -23;
    u = pz_f32_bits(x);
  }
  e += (int32_t)(u >> 23) - 126;
  float m = pz_bits_f32((u & 0x007fffffu) | 0x3f000000u);
  if (m < 0.707106781f) {
    m = m + m - 1.0f;
    e -= 1;
  } else {
    m -= 1.0f;
  }
  float f = (float)e, z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = m * z * p - f * 2.12194440e-4f - 0.5f * z;
  return (m + y) + f * 0.693359375f;
}

static PZ_NOINLINE PZ_UNUSED float pz_tanhf(float x) {
  float a = pz_fabsf(x);
  if (a < 0.625f) {
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    return x + x * z * p;
  }
  float t = a > 9.5f ? 1.0f : 1.0f - 2.0f / (pz_expf(2.0f * a) + 1.0f);
  return x < 0.0f ? -t : x > 0.0f ? t : x;
}

PZ_INLINE float pz_sigmoidf(float x) { return 1.0f / (1.0f + pz_expf(-x)); }

/* Square root by Newton's method on chips without the instruction; negative = NaN. */
static PZ_NOINLINE PZ_UNUSED float pz_sqrtf(float x) {
#if defined(__ARM_FP) || defined(__SSE2__) || defined(__aarch64__) || defined(__wasm__)
  return __builtin_sqrtf(x);
#else
  if (x < 0.0f) return pz_bits_f32(0x7fc00000u);
  if (!(x > 0.0f) || pz_f32_bits(x) >= 0x7f800000u) return x;
  float scale = 1.0f;
  if (x < 1.17549435e-38f) {
    x *= 16777216.0f;
    scale = 1.0f / 4096.0f;
  }
  float y = pz_bits_f32((pz_f32_bits(x) >> 1) + 0x1fbd1df5u);
  for (int i = 0; i < 4; ++i) y = 0.5f * (y + x / y);
  return y * scale;
#endif
}

/* Error function, absolute error below 3e-7. Source: Abramowitz and Stegun 7.1.26, and the series near 0. */
static PZ_NOINLINE PZ_UNUSED float pz_erff(float x) {
  float a = pz_fabsf(x);
  if (a < 0.5f) {
    float z = x * x;
    float p = -7.57575758e-4f;
    p = p * z + 4.62962963e-3f;
    p = p * z - 2.38095238e-2f;
    p = p * z + 1.0e-1f;
    p = p * z - 3.33333333e-1f;
    return 1.12837917f * (x + x * z * p);
  }
  float t = 1.0f / (1.0f + 0.3275911f * a);
  float p = ((((1.061405429f * t - 1.453152027f) * t) + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f;
  float y = 1.0f - p * t * pz_expf(-a * a);
  return x < 0.0f ? -y : y;
}

/* Sine of r + k * pi / 2 with |x| up to about 1e4; absolute error below 5e-7 there. */
static PZ_NOINLINE PZ_UNUSED float pz_sin_quadrant(float x, int32_t k) {
  float q = pz_floorf(x * 0.636619772f + 0.5f);
  float r = ((x - q * 1.5703125f) - q * 4.83751297e-4f) - q * 7.54978942e-8f;
  k += (int32_t)q;
  float z = r * r, y;
  if (k & 1)
    y = 1.0f + z * (-0.5f + z * (4.166664568e-2f + z * (-1.388731625e-3f + z * 2.443315711e-5f)));
  else
    y = r + r * z * (-1.6666654611e-1f + z * (8.3321608736e-3f - z * 1.9515295891e-4f));
  return (k & 2) ? -y : y;
}

PZ_INLINE float pz_sinf(float x) { return pz_sin_quadrant(x, 0); }
PZ_INLINE float pz_cosf(float x) { return pz_sin_quadrant(x, 1); }

/* x^y for x > 0, and for x < 0 with a whole y; relative error below 4e-6 while |y log x| <= 10. */
static PZ_NOINLINE PZ_UNUSED float pz_powf(float x, float y) {
  if (y == 0.0f) return 1.0f;
  if (y == 1.0f) return x;
  if (y == 2.0f) return x * x;
  if (x == 0.0f) return y > 0.0f ? 0.0f : pz_bits_f32(0x7f800000u);
  float whole = pz_floorf(y);
  int integer = whole == y && pz_fabsf(y) < 65536.0f;
  if (x < 0.0f && !integer) return pz_bits_f32(0x7fc00000u);
  if (integer && pz_fabsf(y) <= 64.0f) {
    uint32_t n = (uint32_t)pz_fabsf(y);
    float base = x, result = 1.0f;
    for (; n; n >>= 1) {
      if (n & 1u) result *= base;
      base *= base;
    }
    return y < 0.0f ? 1.0f / result : result;
  }
  float r = pz_expf(y * pz_logf(pz_fabsf(x)));
  return x < 0.0f && ((int32_t)whole & 1) ? -r : r;
}

#endif
