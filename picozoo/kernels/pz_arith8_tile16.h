/* int8 sum and difference for processors with wide vectors, where both operands lie in order. Twin:
   ops/_arithmetic8.py. */
#ifndef PZ_ARITH8_TILE16_H
#define PZ_ARITH8_TILE16_H

#include "pz_arith8.h"
#include "pz_tile16.h"

#if PZ_X86
PZ_INLINE pz_vec pz_v_small(pz_vec v, int32_t m, int s) {
  v = pz_v_high_mul(v, PZ_V(set1_epi32)(m));
  return s == 0 ? v : pz_v_down(v, PZ_V(set1_epi32)(-s));
}

/* pz_widen20 of as many values as a vector holds. */
PZ_INLINE pz_vec pz_v_widen20(const pz_i8 *x, int32_t zero, int32_t m, int s) {
  const pz_vec v = PZ_V(sub_epi32)(pz_v_bytes(x), PZ_V(set1_epi32)(zero));
  return m == (int32_t)1 << 30 && s == 0 ? PZ_V(slli_epi32)(v, 19) : pz_v_small(PZ_V(slli_epi32)(v, 20), m, s);
}

/* The sums, or differences, of 16 values. */
PZ_INLINE __m128i pz_sum8_16(const pz_i8 *a, const pz_i8 *b, int sign, const pz_arith8_args q) {
  const pz_out_args limits = {0, 0, q.lo, q.hi};
  pz_ints16 out;
  PZ_UNROLLED
  for (int i = 0; i < PZ_PARTS; ++i) {
    const pz_vec u = pz_v_widen20(a + i * PZ_LANES, q.za, q.ma, q.sa), v = pz_v_widen20(b + i * PZ_LANES, q.zb, q.mb, q.sb);
    const pz_vec sum = sign > 0 ? PZ_V(add_epi32)(u, v) : PZ_V(sub_epi32)(u, v);
    out.v[i] = PZ_V(add_epi32)(pz_v_small(sum, q.m, q.s), PZ_V(set1_epi32)(q.zero));
  }
  return pz_limit16(out, limits);
}
#endif

/* As pz_add_i8_line. */
PZ_KERNEL void pz_add_i8_line_tile16(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, const pz_line8_args q) {
  for (; n >= 16; n -= 16, a += 16, b += 16, y += 16) { /* all are read before the first is written: vectors */
    pz_i8 s[16];
    for (int i = 0; i < 16; ++i) s[i] = pz_line8(a[i], b[i], q);
    for (int i = 0; i < 16; ++i) y[i] = s[i];
  }
  for (; n > 0; --n) *y++ = pz_line8(*a++, *b++, q);
}

/* y = a + b, or a - b where `sign` is -1; q.small must hold. */
PZ_KERNEL void pz_sum8_tile16(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, int sign, const pz_arith8_args q) {
#if PZ_X86
  int i = 0;
  for (; i + 16 <= n; i += 16) pz_store_bytes(y + i, pz_sum8_16(a + i, b + i, sign, q), 16);
  if (i < n) {
    pz_i8 last[32];
    _mm_storeu_si128((__m128i *)(void *)last, pz_load_bytes(a + i, n - i));
    _mm_storeu_si128((__m128i *)(void *)(last + 16), pz_load_bytes(b + i, n - i));
    pz_store_bytes(y + i, pz_sum8_16(last, last + 16, sign, q), n - i);
  }
#else
  for (int i = 0; i < n; ++i) {
    const int32_t u = pz_widen20(a[i] - q.za, q.ma, q.sa, q.small), v = pz_widen20(b[i] - q.zb, q.mb, q.sb, q.small);
    y[i] = pz_arith8_finish(u + sign * v, q);
  }
#endif
}

#endif
