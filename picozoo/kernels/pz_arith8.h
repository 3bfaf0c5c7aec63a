/* int8 sum, difference and product with requantisation, over four nested loops; the output may be one of the inputs.
   Bit for bit LiteRT's reference kernels. Twin: ops/_arithmetic8.py. */
#ifndef PZ_ARITH8_H
#define PZ_ARITH8_H

#include "pz_line8.h"
#include "pz_map.h"

/* za, zb: zero points of the inputs; ma, sa, mb, sb: factors to the common scale (sums only); m, s: factor to the
   output. `small`: pz_requant_small may be used. */
typedef struct {
  int32_t za, zb, ma;
  int sa;
  int32_t mb;
  int sb;
  int32_t m;
  int s, small;
  int32_t zero, lo, hi;
} pz_arith8_args;

/* v * 2^20 in the common scale; v from -255 to 255. */
PZ_INLINE int32_t pz_widen20(int32_t v, int32_t m, int s, int small) {
  if (m == (int32_t)1 << 30 && s == 0) return v * ((int32_t)1 << 19); /* the larger scale: exactly a half */
  return small ? pz_requant_small(v * ((int32_t)1 << 20), m, s) : pz_requant(v * ((int32_t)1 << 20), m, s);
}

PZ_INLINE pz_i8 pz_arith8_finish(int32_t acc, const pz_arith8_args q) {
  const int32_t v = (q.small ? pz_requant_small(acc, q.m, q.s) : pz_requant(acc, q.m, q.s)) + q.zero;
#if PZ_DSP
  if (q.lo == -128 && q.hi == 127) return (pz_i8)__ssat(v, 8);
#endif
  return (pz_i8)pz_clamp(v, q.lo, q.hi);
}

#if PZ_MVE
PZ_INLINE void pz_add_i8_line_mve(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, const pz_line8_args q) {
  const int32x4_t plus = vdupq_n_s32(q.plus);
  PZ_ROLLED
  for (; n > 0; n -= 4, a += 4, b += 4, y += 4) {
    const mve_pred16_t p = vctp32q((uint32_t)n);
    int32x4_t v = vmlaq_n_s32(vmlaq_n_s32(plus, vldrbq_z_s32(a, p), q.first), vldrbq_z_s32(b, p), q.second);
    v = vshlq_r_s32(v, -q.down);
    vstrbq_p_s32(y, vminq_s32(vmaxq_s32(v, vdupq_n_s32(q.lo)), vdupq_n_s32(q.hi)), p);
  }
}
#endif

/* n sums; y may be a or b. */
PZ_KERNEL void pz_add_i8_line(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, const pz_line8_args q) {
#if PZ_MVE
  pz_add_i8_line_mve(a, b, y, n, q);
#else
#if PZ_DSP
  PZ_ROLLED
  for (; n >= 4; n -= 4, a += 4, b += 4, y += 4) {
    const uint32_t u = pz_read32(a), v = pz_read32(b);
    y[0] = pz_line8((int8_t)u, (int8_t)v, q);
    y[1] = pz_line8((int8_t)(u >> 8), (int8_t)(v >> 8), q);
    y[2] = pz_line8((int8_t)(u >> 16), (int8_t)(v >> 16), q);
    y[3] = pz_line8((int8_t)(u >> 24), (int8_t)(v >> 24), q);
  }
#endif
  PZ_ROLLED
  for (; n > 0; --n) *y++ = pz_line8(*a++, *b++, q);
#endif
}

/* The same with products of 64 bits. */
PZ_KERNEL void pz_add_i8_line_high(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, const pz_line8_args q) {
#if PZ_DSP
  PZ_ROLLED
  for (; n >= 4; n -= 4, a += 4, b += 4, y += 4) {
    const uint32_t u = pz_read32(a), v = pz_read32(b), top = 0xff000000u;
    y[0] = pz_line8_high(u << 24, v << 24, q);
    y[1] = pz_line8_high(u << 16 & top, v << 16 & top, q);
    y[2] = pz_line8_high(u << 8 & top, v << 8 & top, q);
    y[3] = pz_line8_high(u & top, v & top, q);
  }
#endif
  PZ_ROLLED
  for (; n > 0; --n) *y++ = pz_line8_high((uint32_t)*a++ << 24, (uint32_t)*b++ << 24, q);
}

#define PZ_DEFINE_ARITH8(name, expr)                                              \
  PZ_KERNEL void name(PZ_BINARY_ARGS(pz_i8, pz_i8), const pz_arith8_args q) {     \
    PZ_BINARY_LOOPS(pz_i8, *y++ = pz_arith8_finish(expr, q))                      \
  }

/* The same in int16, where sums are widened by 15 bits. */
#define PZ_DEFINE_ARITH16(name, expr)                                                                       \
  PZ_KERNEL void name(PZ_BINARY_ARGS(pz_i16, pz_i16), const pz_arith8_args q) {                             \
    PZ_BINARY_LOOPS(pz_i16, *y++ = (pz_i16)pz_clamp(pz_requant(expr, q.m, q.s) + q.zero, q.lo, q.hi))       \
  }
#define PZ_WIDEN15(v, m, s) pz_requant((int32_t)(v) * ((int32_t)1 << 15), m, s)

#if PZ_MVE
/* pz_requant_small of four values by one factor. */
PZ_INLINE int32x4_t pz_small4(int32x4_t v, int32_t m, int s) {
  v = vqrdmulhq_n_s32(v, m);
  return s == 0 ? v : vrshlq_s32(vaddq_s32(v, vshrq_n_s32(v, 31)), vdupq_n_s32(s));
}

/* pz_widen20 of four values. */
PZ_INLINE int32x4_t pz_widen20x4(int32x4_t x, int32_t zero, int32_t m, int s) {
  const int32x4_t v = vsubq_n_s32(x, zero);
  return m == (int32_t)1 << 30 && s == 0 ? vshlq_n_s32(v, 19) : pz_small4(vshlq_n_s32(v, 20), m, s);
}

/* n sums or differences (sign 1 or -1) where both operands lie in order; q.small must hold. */
PZ_INLINE void pz_sum8_mve(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, int sign, const pz_arith8_args q) {
  PZ_ROLLED
  for (; n > 0; n -= 4, a += 4, b += 4, y += 4) {
    const mve_pred16_t p = vctp32q((uint32_t)n);
    const int32x4_t wa = pz_widen20x4(vldrbq_z_s32(a, p), q.za, q.ma, q.sa);
    const int32x4_t wb = pz_widen20x4(vldrbq_z_s32(b, p), q.zb, q.mb, q.sb);
    int32x4_t r = pz_small4(sign > 0 ? vaddq_s32(wa, wb) : vsubq_s32(wa, wb), q.m, q.s);
    r = vaddq_n_s32(r, q.zero);
    vstrbq_p_s32(y, vminq_s32(vmaxq_s32(r, vdupq_n_s32(q.lo)), vdupq_n_s32(q.hi)), p);
  }
}
#endif

/* Sum or difference: `sign` is + or -. */
#if PZ_MVE
#define PZ_SUM8_FAST(sign)                                                                                     \
  if (q.small && n0 * n1 * n2 == 1 && sa3 == 1 && sb3 == 1) {                                                  \
    pz_sum8_mve(pa, pb, y, n3, sign 1, q);                                                                     \
    return;                                                                                                    \
  }
#else
#define PZ_SUM8_FAST(sign)
#endif
#define PZ_DEFINE_SUM8(name, sign)                                                                             \
  PZ_KERNEL void name(PZ_BINARY_ARGS(pz_i8, pz_i8), const pz_arith8_args q) {                                  \
    PZ_SUM8_FAST(sign)                                                                                         \
    PZ_BINARY_LOOPS(pz_i8, *y++ = pz_arith8_finish(pz_widen20(a - q.za, q.ma, q.sa, q.small)                   \
                                                       sign pz_widen20(b - q.zb, q.mb, q.sb, q.small), q))     \
  }

#endif
