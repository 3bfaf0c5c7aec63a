/* Sixteen int32 at a time on x86: one vector with AVX-512, two with AVX2. What pz_tile16.h and pz_arith8_tile16.h are made
   of; all of it equal to the plain C to the bit.

   PZ_X86 is the bits of a vector, 0 where there is none of this. PZ_VNNI: four products of bytes in one instruction,
   unsigned by signed (AVX-512 VNNI, or AVX-VNNI for 256 bits); without it bytes are widened and added by pairs.
   PZ_NO_AVX512 and PZ_NO_VNNI take the lesser form on a better machine, for tests. */
#ifndef PZ_X86_H
#define PZ_X86_H

#include "pz_mve.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && !defined(PZ_NO_SIMD) && !defined(PZ_NO_AVX512)
#define PZ_X86 512
#define PZ_VNNI 1
#elif defined(__AVX2__) && !defined(PZ_NO_SIMD)
#define PZ_X86 256
#if defined(__AVXVNNI__) && !defined(PZ_NO_VNNI)
#define PZ_VNNI 1
#else
#define PZ_VNNI 0
#endif
#else
#define PZ_X86 0
#define PZ_VNNI 0
#endif

#if PZ_X86
#include <immintrin.h>

#if PZ_X86 == 512
typedef __m512i pz_vec;
#define PZ_V(name) _mm512_##name
PZ_INLINE pz_vec pz_v_load(const void *p) { return _mm512_loadu_si512(p); }
PZ_INLINE pz_vec pz_v_none(void) { return _mm512_setzero_si512(); }
PZ_INLINE pz_vec pz_v_set64(int64_t v) { return _mm512_set1_epi64(v); }
PZ_INLINE pz_vec pz_v_and(pz_vec a, pz_vec b) { return _mm512_and_si512(a, b); }
PZ_INLINE pz_vec pz_v_bytes(const void *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)); }
PZ_INLINE pz_vec pz_v_odd(pz_vec even, pz_vec odd) { return _mm512_mask_blend_epi32(0xaaaa, even, odd); }
PZ_INLINE pz_vec pz_v_sar64(pz_vec v, pz_vec by) { return _mm512_srav_epi64(v, by); }
PZ_INLINE pz_vec pz_v_up_by(pz_vec v, int by) { return _mm512_slli_epi32(v, (unsigned)by); }
/* v + 1 where a > b */
PZ_INLINE pz_vec pz_v_up(pz_vec v, pz_vec a, pz_vec b) {
  return _mm512_mask_add_epi32(v, _mm512_cmpgt_epi32_mask(a, b), v, _mm512_set1_epi32(1));
}
#else
typedef __m256i pz_vec;
#define PZ_V(name) _mm256_##name
PZ_INLINE pz_vec pz_v_load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
PZ_INLINE pz_vec pz_v_none(void) { return _mm256_setzero_si256(); }
PZ_INLINE pz_vec pz_v_set64(int64_t v) { return _mm256_set1_epi64x(v); }
PZ_INLINE pz_vec pz_v_and(pz_vec a, pz_vec b) { return _mm256_and_si256(a, b); }
PZ_INLINE pz_vec pz_v_bytes(const void *p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)); }
PZ_INLINE pz_vec pz_v_up_by(pz_vec v, int by) { return _mm256_slli_epi32(v, by); }
PZ_INLINE pz_vec pz_v_odd(pz_vec even, pz_vec odd) { return _mm256_blend_epi32(even, odd, 0xaa); }
/* There is no arithmetic shift of 64 bits: made positive, shifted, and the same taken away again. */
PZ_INLINE pz_vec pz_v_sar64(pz_vec v, pz_vec by) {
  const pz_vec top = _mm256_set1_epi64x(INT64_MIN);
  return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(v, top), by), _mm256_srlv_epi64(top, by));
}
PZ_INLINE pz_vec pz_v_up(pz_vec v, pz_vec a, pz_vec b) { return _mm256_sub_epi32(v, _mm256_cmpgt_epi32(a, b)); }
#endif

#define PZ_ON_LINES(q) ((q).form == PZ_LINE || (q).form == PZ_LINES)
#define PZ_LANES (PZ_X86 / 32)
#define PZ_PARTS (16 / PZ_LANES)

/* Sixteen int32. */
typedef struct {
  pz_vec v[PZ_PARTS];
} pz_ints16;

PZ_INLINE pz_ints16 pz_load16(const pz_u32 *p) {
  pz_ints16 r;
  PZ_UNROLLED
  for (int i = 0; i < PZ_PARTS; ++i) r.v[i] = pz_v_load(p + i * PZ_LANES);
  return r;
}

/* x * m / 2^31, rounded to nearest, halves up (m >= 0). */
PZ_INLINE pz_vec pz_v_high_mul(pz_vec x, pz_vec m) {
  const pz_vec half = pz_v_set64((int64_t)1 << 30);
  pz_vec a = PZ_V(mul_epi32)(x, m), b = PZ_V(mul_epi32)(PZ_V(srli_epi64)(x, 32), PZ_V(srli_epi64)(m, 32));
  a = PZ_V(srli_epi64)(PZ_V(add_epi64)(a, half), 31);
  b = PZ_V(slli_epi64)(PZ_V(add_epi64)(b, half), 1);
  return pz_v_odd(a, b);
}

/* Right shift that rounds halves away from zero, for h far enough from the ends of int32 (pz_requant_small). */
PZ_INLINE pz_vec pz_v_down(pz_vec h, pz_vec right) {
  const pz_vec one = PZ_V(set1_epi32)(1);
  const pz_vec sign = PZ_V(srai_epi32)(pz_v_and(h, PZ_V(sub_epi32)(pz_v_none(), right)), 31);
  h = PZ_V(add_epi32)(PZ_V(add_epi32)(h, sign), PZ_V(sllv_epi32)(one, PZ_V(sub_epi32)(right, one)));
  return PZ_V(srav_epi32)(h, right);
}

/* Factors of a vector of channels, once for all their outputs: a store to bytes may be to anything, so that compilers
   would load them again behind each. */
typedef struct {
  pz_vec m, s, right;
} pz_factors;

/* f: those of 16 channels as pz_tile16.h has them; at: the first one. Of lines (ops/_lines.py) `s` is where the first ones
   start, `right` what is added below. */
PZ_INLINE pz_factors pz_v_factors(const pz_u32 *f, int at, const pz_out_args q) {
  pz_factors r;
  r.m = pz_v_load(f + at);
  if (PZ_ON_LINES(q)) {
    r.s = q.form == PZ_LINES ? pz_v_load(f + 16 + at) : r.m;
    r.right = q.form == PZ_LINES ? pz_v_load(f + 32 + at) : r.m;
    return r;
  }
  r.s = pz_v_bytes((const pz_i8 *)(f + 16) + at);
  r.right = PZ_V(max_epi32)(PZ_V(sub_epi32)(pz_v_none(), r.s), pz_v_none());
  return r;
}

/* Sums times 256, from where lines start on, to output integers. */
PZ_INLINE pz_vec pz_v_line(pz_vec x, const pz_factors f, const pz_out_args q) {
#if PZ_X86 == 512
  if (q.form == PZ_LINES) x = _mm512_mask_add_epi32(x, _mm512_cmpgt_epi32_mask(f.s, x), x, f.right);
#else
  if (q.form == PZ_LINES) x = _mm256_add_epi32(x, pz_v_and(_mm256_cmpgt_epi32(f.s, x), f.right));
#endif
  const pz_vec a = PZ_V(mul_epi32)(x, f.m), b = PZ_V(mul_epi32)(PZ_V(srli_epi64)(x, 32), PZ_V(srli_epi64)(f.m, 32));
#if PZ_X86 == 512
  return _mm512_srai_epi32(_mm512_mask_shuffle_epi32(b, 0x5555, a, 0xf5), (unsigned)q.zero);
#else
  return _mm256_srai_epi32(_mm256_blend_epi32(_mm256_shuffle_epi32(a, 0xf5), b, 0xaa), q.zero);
#endif
}

/* Accumulators to output integers, not yet limited. */
PZ_INLINE pz_vec pz_v_requant(pz_vec x, const pz_factors f, const pz_out_args q) {
  const pz_vec m = f.m, s = f.s, one = PZ_V(set1_epi32)(1);
  if (PZ_ON_LINES(q)) return pz_v_line(x, f, q);
  if (q.form == PZ_ONCE || q.form == PZ_ONCE_DOWN) {
    const pz_vec total = PZ_V(sub_epi32)(PZ_V(set1_epi32)(31), s), one64 = pz_v_set64(1);
    const pz_vec even_by = pz_v_and(total, pz_v_set64(63)), odd_by = PZ_V(srli_epi64)(total, 32);
    pz_vec a = PZ_V(mul_epi32)(x, m), b = PZ_V(mul_epi32)(PZ_V(srli_epi64)(x, 32), PZ_V(srli_epi64)(m, 32));
    a = PZ_V(add_epi64)(a, PZ_V(sllv_epi64)(one64, PZ_V(sub_epi64)(even_by, one64)));
    b = PZ_V(add_epi64)(b, PZ_V(sllv_epi64)(one64, PZ_V(sub_epi64)(odd_by, one64)));
    b = PZ_V(slli_epi64)(pz_v_sar64(b, odd_by), 32);
    return PZ_V(add_epi32)(pz_v_odd(pz_v_sar64(a, even_by), b), PZ_V(set1_epi32)(q.zero));
  }
  if (q.form == PZ_TWICE) x = PZ_V(sllv_epi32)(x, PZ_V(max_epi32)(s, pz_v_none()));
  pz_vec h = pz_v_high_mul(x, m);
  if (q.form == PZ_TWICE) { /* nothing may be added to h: it can be as large as an int32 */
    const pz_vec mask = PZ_V(sub_epi32)(PZ_V(sllv_epi32)(one, f.right), one);
    const pz_vec bound = PZ_V(sub_epi32)(PZ_V(srli_epi32)(mask, 1), PZ_V(srai_epi32)(h, 31));
    h = pz_v_up(PZ_V(srav_epi32)(h, f.right), pz_v_and(h, mask), bound);
  } else {
    h = pz_v_down(h, f.right);
  }
  return PZ_V(add_epi32)(h, PZ_V(set1_epi32)(q.zero));
}

/* Those of 16 channels: 16 multipliers, 16 shifts. */
typedef struct {
  pz_factors v[PZ_PARTS];
} pz_factors16;

PZ_INLINE pz_factors16 pz_load_factors(const pz_u32 *f, const pz_out_args q) {
  pz_factors16 r;
  PZ_UNROLLED
  for (int i = 0; i < PZ_PARTS; ++i) r.v[i] = pz_v_factors(f, i * PZ_LANES, q);
  return r;
}

PZ_INLINE pz_ints16 pz_requant16(pz_ints16 x, const pz_factors16 *f, const pz_out_args q) {
  PZ_UNROLLED
  for (int i = 0; i < PZ_PARTS; ++i) x.v[i] = pz_v_requant(x.v[i], f->v[i], q);
  return x;
}

PZ_INLINE __m128i pz_clamp_bytes(__m128i b, int32_t lo, int32_t hi) {
  if (lo > -128) b = _mm_max_epi8(b, _mm_set1_epi8((char)lo));
  if (hi < 127) b = _mm_min_epi8(b, _mm_set1_epi8((char)hi));
  return b;
}

PZ_INLINE __m128i pz_limit16(pz_ints16 v, const pz_out_args q) {
#if PZ_X86 == 512
  const __m128i b = _mm512_cvtsepi32_epi8(v.v[0]);
#else
  const __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(v.v[0], v.v[1]), 0xd8);
  const __m128i b = _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
#endif
  return pz_clamp_bytes(b, q.lo, q.hi);
}

/* The first n of 16 bytes, or all where there are more. */
PZ_INLINE void pz_store_bytes(pz_i8 *y, __m128i b, int n) {
  if (n >= 16) {
    _mm_storeu_si128((__m128i *)(void *)y, b);
    return;
  }
#if PZ_X86 == 512
  _mm_mask_storeu_epi8(y, (__mmask16)((1u << n) - 1u), b);
#else
  pz_i8 all[16];
  _mm_storeu_si128((__m128i *)(void *)all, b);
  for (int i = 0; i < n; ++i) y[i] = all[i];
#endif
}

PZ_INLINE __m128i pz_load_bytes(const pz_i8 *x, int n) {
  if (n >= 16) return _mm_loadu_si128((const __m128i *)(const void *)x);
#if PZ_X86 == 512
  return _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1u), x);
#else
  pz_i8 all[16] = {0};
  for (int i = 0; i < n; ++i) all[i] = x[i];
  return _mm_loadu_si128((const __m128i *)(const void *)all);
#endif
}

/* Running sums of 16 channels over values in fours. Without VNNI pairs are added in int32, two sums a channel, which
   become one at the end. */
#if PZ_VNNI
#define PZ_SUMS PZ_PARTS
#else
#define PZ_SUMS 4
#endif
typedef struct {
  pz_vec v[PZ_SUMS];
} pz_sums16;

/* Weights of 16 channels, four of each. */
PZ_INLINE pz_sums16 pz_weights16(const pz_u32 *w) {
  pz_sums16 r;
  PZ_UNROLLED
  for (int i = 0; i < PZ_SUMS; ++i)
#if PZ_VNNI
    r.v[i] = pz_v_load(w + i * PZ_LANES);
#else
    r.v[i] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(w + 4 * i)));
#endif
  return r;
}

/* Four values for all channels. */
PZ_INLINE pz_vec pz_four(const pz_i8 *p) {
  int32_t four;
  __builtin_memcpy(&four, p, 4);
#if PZ_VNNI
  return PZ_V(set1_epi32)(four);
#else
  return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four)));
#endif
}

PZ_INLINE void pz_add_products(pz_sums16 *s, pz_vec a, const pz_sums16 *w) {
  PZ_UNROLLED
  for (int i = 0; i < PZ_SUMS; ++i)
#if PZ_VNNI && PZ_X86 == 512
    s->v[i] = _mm512_dpbusd_epi32(s->v[i], a, w->v[i]);
#elif PZ_VNNI
    s->v[i] = _mm256_dpbusd_avx_epi32(s->v[i], a, w->v[i]);
#else
    s->v[i] = _mm256_add_epi32(s->v[i], _mm256_madd_epi16(a, w->v[i]));
#endif
}

PZ_INLINE pz_sums16 pz_no_sums(void) {
  pz_sums16 r;
  PZ_UNROLLED
  for (int i = 0; i < PZ_SUMS; ++i) r.v[i] = pz_v_none();
  return r;
}

/* One sum a channel, times 2^up, and what they began with. */
PZ_INLINE pz_ints16 pz_total16(const pz_sums16 *s, pz_ints16 bias, int up) {
  PZ_UNROLLED
  for (int i = 0; i < PZ_PARTS; ++i) {
#if PZ_VNNI
    const pz_vec t = s->v[i];
#else
    const pz_vec t = _mm256_permute4x64_epi64(_mm256_hadd_epi32(s->v[2 * i], s->v[2 * i + 1]), 0xd8);
#endif
    bias.v[i] = PZ_V(add_epi32)(bias.v[i], up ? pz_v_up_by(t, up) : t);
  }
  return bias;
}

/* s and products of pairs of int16, added by pairs. */
PZ_INLINE pz_vec pz_v_pairs(pz_vec s, pz_vec x, pz_vec w) {
#if PZ_VNNI && PZ_X86 == 512
  return _mm512_dpwssd_epi32(s, x, w);
#elif PZ_VNNI
  return _mm256_dpwssd_avx_epi32(s, x, w);
#else
  return _mm256_add_epi32(s, _mm256_madd_epi16(x, w));
#endif
}

/* As many int16 of bytes as a vector holds. */
PZ_INLINE pz_vec pz_v_wide(const pz_i8 *p) {
#if PZ_X86 == 512
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
#else
  return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
#endif
}

/* Floats. */
#if PZ_X86 == 512
typedef __m512 pz_floats;
PZ_INLINE void pz_v_store_floats(pz_f32 *y, pz_floats v, int n) {
  _mm512_mask_storeu_ps(y, n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1u), v);
}
#else
typedef __m256 pz_floats;
/* The first n, or all where there are more. */
PZ_INLINE void pz_v_store_floats(pz_f32 *y, pz_floats v, int n) {
  if (n >= PZ_LANES) {
    _mm256_storeu_ps(y, v);
    return;
  }
  float all[PZ_LANES];
  _mm256_storeu_ps(all, v);
  for (int i = 0; i < n; ++i) y[i] = all[i];
}
#endif

/* Nearest integers, halves away from zero: twice what truncation leaves is below 2, and 1 or more from a half on. */
PZ_INLINE pz_vec pz_v_round_away(pz_floats v) {
  const pz_vec whole = PZ_V(cvttps_epi32)(v);
  const pz_floats rest = PZ_V(sub_ps)(v, PZ_V(cvtepi32_ps)(whole));
  return PZ_V(add_epi32)(whole, PZ_V(cvttps_epi32)(PZ_V(add_ps)(rest, rest)));
}
#endif

#endif
