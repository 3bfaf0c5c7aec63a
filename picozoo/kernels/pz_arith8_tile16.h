/* int8 sum and difference for processors with wide vectors, where both operands lie in order. Twin:
   ops/_arithmetic8.py. */
#ifndef PZ_ARITH8_TILE16_H
#define PZ_ARITH8_TILE16_H

#include "pz_arith8.h"
#include "pz_tile16.h"

#if PZ_VNNI
PZ_INLINE __m512i pz_small16(__m512i v, int32_t m, int s) {
  v = pz_high_mul16(v, _mm512_set1_epi32(m));
  return s == 0 ? v : pz_down16(v, _mm512_set1_epi32(-s));
}

/* pz_widen20 of 16 values. */
PZ_INLINE __m512i pz_widen20x16(const pz_i8 *x, __mmask16 some, int32_t zero, int32_t m, int s) {
  const __m512i v = _mm512_sub_epi32(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(some, x)), _mm512_set1_epi32(zero));
  return m == (int32_t)1 << 30 && s == 0 ? _mm512_slli_epi32(v, 19) : pz_small16(_mm512_slli_epi32(v, 20), m, s);
}
#endif

/* y = a + b, or a - b where `sign` is -1; q.small must hold. */
PZ_KERNEL void pz_sum8_tile16(const pz_i8 *a, const pz_i8 *b, pz_i8 *y, int n, int sign, const pz_arith8_args q) {
#if PZ_VNNI
  const pz_out_args limits = {0, 0, q.lo, q.hi};
  for (int i = 0; i < n; i += 16) {
    const __mmask16 some = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1u);
    const __m512i u = pz_widen20x16(a + i, some, q.za, q.ma, q.sa), v = pz_widen20x16(b + i, some, q.zb, q.mb, q.sb);
    const __m512i sum = sign > 0 ? _mm512_add_epi32(u, v) : _mm512_sub_epi32(u, v);
    const __m512i out = _mm512_add_epi32(pz_small16(sum, q.m, q.s), _mm512_set1_epi32(q.zero));
    _mm_mask_storeu_epi8(y + i, some, pz_limit16(out, limits));
  }
#else
  for (int i = 0; i < n; ++i) {
    const int32_t u = pz_widen20(a[i] - q.za, q.ma, q.sa, q.small), v = pz_widen20(b[i] - q.zb, q.mb, q.sb, q.small);
    y[i] = pz_arith8_finish(u + sign * v, q);
  }
#endif
}

#endif
