/* Inner loops of the int8 convolution and fully connected kernels.

   Two forms, equal to the bit. The plain form multiplies int8 by int8 in row order; compilers vectorise it. The paired
   form keeps patches as int16 and weights packed for two output channels, so that a core with DSP instructions makes
   two multiply-accumulates per instruction (SMLAD); without those instructions the same code runs in plain C.

   Packed weights: for each pair of output channels (a, b), for each group of four k, eight bytes
   a[k], a[k+2], a[k+1], a[k+3], b[k], b[k+2], b[k+1], b[k+3]. One SXTB16 of a word then gives (k, k+1), one of the word
   rotated by eight bits gives (k+2, k+3). Rows are padded with zeros to a multiple of four, channels to a multiple of two.
   The packer is ops/_matmul8.py. */
#ifndef PZ_DOT_H
#define PZ_DOT_H

#include "pz_fixed.h"

#if PZ_DSP
PZ_INLINE int32_t pz_smlad(uint32_t a, uint32_t b, int32_t s) { return __smlad((int16x2_t)a, (int16x2_t)b, s); }
PZ_INLINE uint32_t pz_sxtb16(uint32_t w) { return (uint32_t)__sxtb16((int8x4_t)w); }
PZ_INLINE uint32_t pz_sxtb16_ror8(uint32_t w) { return (uint32_t)__sxtb16((int8x4_t)((w >> 8) | (w << 24))); }
#else
PZ_INLINE int32_t pz_smlad(uint32_t a, uint32_t b, int32_t s) {
  const int32_t low = (int32_t)(int16_t)(uint16_t)(a & 0xffffu) * (int32_t)(int16_t)(uint16_t)(b & 0xffffu);
  const int32_t high = (int32_t)(int16_t)(uint16_t)(a >> 16) * (int32_t)(int16_t)(uint16_t)(b >> 16);
  return (int32_t)((uint32_t)s + (uint32_t)low + (uint32_t)high);
}
PZ_INLINE uint32_t pz_sxtb16(uint32_t w) {
  const uint32_t low = (uint32_t)(int32_t)(int8_t)(uint8_t)(w & 0xffu) & 0xffffu;
  const uint32_t high = (uint32_t)(int32_t)(int8_t)(uint8_t)((w >> 16) & 0xffu) & 0xffffu;
  return low | (high << 16);
}
PZ_INLINE uint32_t pz_sxtb16_ror8(uint32_t w) { return pz_sxtb16((w >> 8) | (w << 24)); }
#endif

/* How a layer turns accumulators into output integers. `small`: pz_requant_small may be used. */
typedef struct {
  const pz_i32 PZ_FLASH *bias;
  const pz_i32 PZ_FLASH *multiplier;
  const pz_i8 PZ_FLASH *shift;
  int per_channel;
  int small;
  int32_t zero, lo, hi;
} pz_requant_args;

PZ_INLINE pz_i8 pz_finish(int32_t acc, int o, const pz_requant_args q) {
  const int c = q.per_channel ? o : 0;
  const int32_t v = q.small ? pz_requant_small(acc, q.multiplier[c], q.shift[c]) : pz_requant(acc, q.multiplier[c], q.shift[c]);
#if PZ_DSP
  if (q.lo == -128 && q.hi == 127) return (pz_i8)__ssat(v + q.zero, 8);
#endif
  return (pz_i8)pz_clamp(v + q.zero, q.lo, q.hi);
}

/* Plain form: one patch x[k], weights w[o][k] -> y[o]. */
PZ_INLINE void pz_dot_plain(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, int k, int out_c, const pz_requant_args q) {
  for (int o = 0; o < out_c; ++o, w += k) {
    int32_t acc = q.bias[o];
    for (int i = 0; i < k; ++i) acc += (int32_t)x[i] * w[i];
    y[o] = pz_finish(acc, o, q);
  }
}

/* Paired form, two patches a0, a1 of k4 * 4 int16 values; y1 is the output of the second patch. */
PZ_INLINE void pz_dot_pair2(const pz_i16 *a0, const pz_i16 *a1, const pz_u32 *w, pz_i8 *y0, pz_i8 *y1, int k4, int out_c,
                            const pz_requant_args q) {
  for (int o = 0; o < out_c; o += 2) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c;
    const pz_u32 *p0 = (const pz_u32 *)a0;
    const pz_u32 *p1 = (const pz_u32 *)a1;
    int32_t s00 = q.bias[o], s10 = s00, s01 = two ? q.bias[o + 1] : 0, s11 = s01;
    for (int i = 0; i < k4; ++i) {
      const uint32_t w0 = w[0], w1 = w[1], x0 = p0[0], x1 = p1[0], z0 = p0[1], z1 = p1[1];
      uint32_t v = pz_sxtb16(w0);
      s00 = pz_smlad(v, x0, s00);
      s10 = pz_smlad(v, x1, s10);
      v = pz_sxtb16_ror8(w0);
      s00 = pz_smlad(v, z0, s00);
      s10 = pz_smlad(v, z1, s10);
      v = pz_sxtb16(w1);
      s01 = pz_smlad(v, x0, s01);
      s11 = pz_smlad(v, x1, s11);
      v = pz_sxtb16_ror8(w1);
      s01 = pz_smlad(v, z0, s01);
      s11 = pz_smlad(v, z1, s11);
      w += 2;
      p0 += 2;
      p1 += 2;
    }
    y0[o] = pz_finish(s00, o, q);
    y1[o] = pz_finish(s10, o, q);
    if (two) {
      y0[o + 1] = pz_finish(s01, o + 1, q);
      y1[o + 1] = pz_finish(s11, o + 1, q);
    }
  }
}

/* Paired form, one patch. */
PZ_INLINE void pz_dot_pair1(const pz_i16 *a, const pz_u32 *w, pz_i8 *y, int k4, int out_c, const pz_requant_args q) {
  for (int o = 0; o < out_c; o += 2) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c;
    const pz_u32 *p = (const pz_u32 *)a;
    int32_t s0 = q.bias[o], s1 = two ? q.bias[o + 1] : 0;
    for (int i = 0; i < k4; ++i) {
      const uint32_t w0 = w[0], w1 = w[1], x = p[0], z = p[1];
      s0 = pz_smlad(pz_sxtb16(w0), x, s0);
      s0 = pz_smlad(pz_sxtb16_ror8(w0), z, s0);
      s1 = pz_smlad(pz_sxtb16(w1), x, s1);
      s1 = pz_smlad(pz_sxtb16_ror8(w1), z, s1);
      w += 2;
      p += 2;
    }
    y[o] = pz_finish(s0, o, q);
    if (two) y[o + 1] = pz_finish(s1, o + 1, q);
  }
}

/* int8 -> int16, n values, four at a time where the source allows it. */
PZ_INLINE void pz_widen(const pz_i8 *x, pz_i16 *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = x[i];
}

#endif
