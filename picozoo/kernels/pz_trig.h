/* Inverse trigonometric and hyperbolic functions, beside those of pz_math.h. Relative error below 2e-6 where the result
   is not near zero. Polynomial coefficients: Moshier, Cephes Mathematical Library, single precision. */
#ifndef PZ_TRIG_H
#define PZ_TRIG_H

#include "pz_math.h"

PZ_INLINE float pz_nanf(void) { return pz_bits_f32(0x7fc00000u); }

PZ_INLINE float pz_tanf(float x) { return pz_sinf(x) / pz_cosf(x); }

static PZ_NOINLINE PZ_UNUSED float pz_atanf(float v) {
  float x = pz_fabsf(v), y = 0.0f;
  if (x > 2.414213562f) {
    y = 1.570796327f;
    x = -1.0f / x;
  } else if (x > 0.4142135624f) {
    y = 0.7853981634f;
    x = (x - 1.0f) / (x + 1.0f);
  }
  const float z = x * x;
  y += (((8.05374449538e-2f * z - 1.38776856032e-1f) * z + 1.99777106478e-1f) * z - 3.33329491539e-1f) * z * x + x;
  return v < 0.0f ? -y : y;
}

static PZ_NOINLINE PZ_UNUSED float pz_asinf(float v) {
  const float a = pz_fabsf(v);
  if (a > 1.0f) return pz_nanf();
  const int far = a > 0.5f;
  float z = far ? 0.5f * (1.0f - a) : a * a;
  const float x = far ? pz_sqrtf(z) : a;
  z = ((((4.2163199048e-2f * z + 2.4181311049e-2f) * z + 4.5470025998e-2f) * z + 7.4953002686e-2f) * z +
       1.6666752422e-1f) * z * x + x;
  if (far) z = 1.570796327f - (z + z);
  return v < 0.0f ? -z : v != v ? v : z;
}

PZ_INLINE float pz_acosf(float x) {
  if (x < -0.5f) return 3.141592654f - 2.0f * pz_asinf(pz_sqrtf(0.5f * (1.0f + x)));
  if (x > 0.5f) return 2.0f * pz_asinf(pz_sqrtf(0.5f * (1.0f - x)));
  return 1.570796327f - pz_asinf(x);
}

static PZ_NOINLINE PZ_UNUSED float pz_sinhf(float x) {
  if (pz_fabsf(x) > 1.0f) {
    const float e = pz_expf(pz_fabsf(x)), y = 0.5f * e - 0.5f / e;
    return x < 0.0f ? -y : y;
  }
  const float z = x * x;
  return ((2.03721912945e-4f * z + 8.33028376239e-3f) * z + 1.66667160211e-1f) * z * x + x;
}

PZ_INLINE float pz_coshf(float x) {
  const float e = pz_expf(pz_fabsf(x));
  return 0.5f * e + 0.5f / e;
}

static PZ_NOINLINE PZ_UNUSED float pz_asinhf(float v) {
  const float x = pz_fabsf(v), z = x * x;
  float y;
  if (x > 1500.0f)
    y = pz_logf(x) + 0.6931471806f;
  else if (x < 0.5f)
    y = (((2.0122003309e-2f * z - 4.2699340972e-2f) * z + 7.4847586088e-2f) * z - 1.6666288134e-1f) * z * x + x;
  else
    y = pz_logf(x + pz_sqrtf(z + 1.0f));
  return v < 0.0f ? -y : y;
}

static PZ_NOINLINE PZ_UNUSED float pz_acoshf(float x) {
  if (x < 1.0f) return pz_nanf();
  if (x > 1500.0f) return pz_logf(x) + 0.6931471806f;
  const float z = x - 1.0f;
  if (z < 0.5f)
    return ((((1.7596881071e-3f * z - 7.5272886713e-3f) * z + 2.6454905019e-2f) * z - 1.1784741703e-1f) * z +
            1.4142135263f) * pz_sqrtf(z);
  return pz_logf(x + pz_sqrtf(z * (x + 1.0f)));
}

static PZ_NOINLINE PZ_UNUSED float pz_atanhf(float x) {
  if (pz_fabsf(x) >= 0.5f) return 0.5f * pz_logf((1.0f + x) / (1.0f - x));
  const float z = x * x;
  return ((((1.81740078349e-1f * z + 8.24370301058e-2f) * z + 1.46691431730e-1f) * z + 1.99782164500e-1f) * z +
          3.33337300303e-1f) * z * x + x;
}

#endif
