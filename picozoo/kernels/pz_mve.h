/* Inner loops of the int8 convolution and fully connected kernels for cores with Helium (MVE), 16 products an
   instruction, and how accumulators become outputs, four at a time. Without MVE the same packed form runs in plain C.

   Packed form: blocks of four output channels, each one 4 biases (int32), then for each row of a window its values in
   groups of 16, zeros behind the last: 16 weights of the first channel, 16 of the second ...; then 4 multipliers
   (int32), then 4 shifts (int8). Missing channels are zeros. A row is read in whole groups: up to 15 bytes behind its
   end are read, and multiplied by zero. The packer is ops/_mve.py. */
#ifndef PZ_MVE_H
#define PZ_MVE_H

#include "pz_dot.h"

#define PZ_GROUPS16(n) (((n) + 15) / 16)

/* What all outputs of a layer share. `form`: which requantisation (pz_dot.h); `zero` of PZ_LINE and PZ_LINES is the shift
   behind the high multiply. */
typedef struct {
  int form;
  int32_t zero, lo, hi;
} pz_out_args;

#if PZ_MVE
/* Four accumulators to output integers, not yet limited; m, s: their multipliers and shifts. */
PZ_INLINE int32x4_t pz_requant4(int32x4_t acc, int32x4_t m, int32x4_t s, const pz_out_args q) {
  if (q.form == PZ_ONCE_DOWN) return vaddq_n_s32(vrshlq_s32(vmulhq_s32(acc, m), vaddq_n_s32(s, 1)), q.zero);
  if (q.form == PZ_ONCE) {
    int32_t v[4], f[4], t[4];
    vst1q_s32(v, acc);
    vst1q_s32(f, m);
    vst1q_s32(t, s);
    for (int i = 0; i < 4; ++i) v[i] = pz_requant_once(v[i], f[i], t[i]);
    return vaddq_n_s32(vld1q_s32(v), q.zero);
  }
  if (q.form == PZ_TWICE) {
    acc = vshlq_s32(acc, vmaxq_s32(s, vdupq_n_s32(0)));
    s = vminq_s32(s, vdupq_n_s32(0));
  }
  /* halves away from zero: a negative value with a shift to do is made one less, then halves go up */
  int32x4_t h = vqrdmulhq_s32(acc, m);
  h = vqaddq_s32(h, vshrq_n_s32(q.form == PZ_TWICE_DOWN ? h : vandq_s32(h, s), 31));
  return vaddq_n_s32(vrshlq_s32(h, s), q.zero);
}

PZ_INLINE int32x4_t pz_limit4(int32x4_t v, const pz_out_args q) {
  return vminq_s32(vmaxq_s32(v, vdupq_n_s32(q.lo)), vdupq_n_s32(q.hi));
}

/* Four channels of an output from their accumulators; `left`: how many there are from here on. */
PZ_INLINE void pz_store4(pz_i8 *y, int left, int32x4_t acc, const pz_u32 *factors, const pz_out_args q) {
  const int32x4_t m = vreinterpretq_s32_u32(vld1q_u32((const uint32_t *)factors));
  const int32x4_t v = pz_limit4(pz_requant4(acc, m, vldrbq_s32((const int8_t *)(factors + 4)), q), q);
  if (left >= 4)
    vstrbq_s32(y, v);
  else
    vstrbq_p_s32(y, v, vctp32q((uint32_t)left));
}
#else
/* An accumulator to an output with factor `i` of a block. */
PZ_INLINE pz_i8 pz_finish_block(int32_t acc, const pz_u32 *factors, int i, const pz_out_args q) {
  const int32_t m = (int32_t)factors[i];
  const int s = ((const pz_i8 *)(factors + 4))[i];
  const int32_t v = q.form == PZ_ONCE || q.form == PZ_ONCE_DOWN ? pz_requant_once(acc, m, s) : pz_requant(acc, m, s);
  return (pz_i8)pz_clamp(v + q.zero, q.lo, q.hi);
}

/* The sum of one window with channel `i` of a block. */
PZ_INLINE int32_t pz_sum_block(const pz_i8 *p, const pz_u32 *w, int i, int rows, int groups, int stride) {
  int32_t s = (int32_t)w[i];
  const pz_i8 *v = (const pz_i8 *)(w + 4) + 16 * i;
  for (int r = 0; r < rows; ++r, p += stride)
    for (int g = 0; g < groups; ++g, v += 64)
      for (int k = 0; k < 16; ++k) s += (int32_t)p[16 * g + k] * v[k];
  return s;
}
#endif

#if PZ_MVE && !defined(PZ_NO_ASM)
/* Loads and products in turn: they overlap, two loads do not. */
#define PZ_MVE_GROUP                                       \
  "vldrb.8 q0, [%[p]], #16\n"                              \
  "vldrb.8 q2, [%[w]], #16\n"                              \
  "vmladava.s8 r0, q0, q2\n"                               \
  "vldrb.8 q1, [%[b]], #16\n"                              \
  "vmladava.s8 r8, q1, q2\n"                               \
  "vldrb.8 q3, [%[w]], #16\n"                              \
  "vmladava.s8 r2, q0, q3\n"                               \
  "vldrb.8 q2, [%[w]], #16\n"                              \
  "vmladava.s8 r10, q1, q3\n"                              \
  "vldrb.8 q3, [%[w]], #16\n"                              \
  "vmladava.s8 r4, q0, q2\n"                               \
  "vmladava.s8 r12, q1, q2\n"                              \
  "vmladava.s8 r6, q0, q3\n"                               \
  "vmladava.s8 lr, q1, q3\n"
/* Accumulators must be in even registers; what the loop points at, in the odd ones that are left. */
#define PZ_MVE_2X4(times, next)                                                                                          \
  __asm__ volatile(                                                                                                      \
      "ldm %[w]!, {r0, r2, r4, r6}\n"                                                                                    \
      "mov r8, r0\n"                                                                                                     \
      "mov r10, r2\n"                                                                                                    \
      "mov r12, r4\n"                                                                                                    \
      "mov lr, r6\n"                                                                                                     \
      "1:\n"                                                                                                             \
      "ldr %[n], [%[c]]\n"                                                                                               \
      "2:\n"                                                                                                             \
      ".rept " times "\n" PZ_MVE_GROUP ".endr\n"                                                                         \
      "subs %[n], #1\n"                                                                                                  \
      "bne 2b\n" next                                                                                                    \
      "vmov q0[2], q0[0], r0, r4\n"                                                                                      \
      "vmov q0[3], q0[1], r2, r6\n"                                                                                      \
      "vmov q1[2], q1[0], r8, r12\n"                                                                                     \
      "vmov q1[3], q1[1], r10, lr\n"                                                                                     \
      "vmov %q[u], q0\n"                                                                                                 \
      "vmov %q[v], q1\n"                                                                                                 \
      : [p] "+r"(p), [b] "+r"(b), [w] "+r"(w), [n] "=&r"(n), [u] "=&w"(u), [v] "=&w"(v)                                  \
      : [c] "r"(c)                                                                                                       \
      : "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "q0", "q1", "q2", "q3", "cc", "memory")
#define PZ_MVE_NEXT_ROW      \
  "ldr %[n], [%[c], #4]\n"   \
  "add %[p], %[n]\n"         \
  "add %[b], %[n]\n"         \
  "ldr %[n], [%[c], #8]\n"   \
  "subs %[n], #1\n"          \
  "str %[n], [%[c], #8]\n"   \
  "bne 1b\n"
#define PZ_MVE_LOOPS(next)           \
  if (groups % 4 == 0)               \
    PZ_MVE_2X4("4", next);           \
  else if (groups % 3 == 0)          \
    PZ_MVE_2X4("3", next);           \
  else if (groups % 2 == 0)          \
    PZ_MVE_2X4("2", next);           \
  else                               \
    PZ_MVE_2X4("1", next)

/* Sums of windows p and b with the block at *at, which moves behind the weights. */
PZ_INLINE void pz_sums_2x4(const pz_i8 *p, const pz_i8 *b, const pz_u32 **at, int rows, int groups, int stride,
                           int32x4_t *first, int32x4_t *second) {
  const pz_u32 *w = *at;
  int32x4_t u, v;
  int n;
  const int times = groups % 4 == 0 ? 4 : groups % 3 == 0 ? 3 : groups % 2 == 0 ? 2 : 1;
  int c[3];
  c[0] = groups / times;
  if (rows == 1) {
    PZ_MVE_LOOPS("");
  } else {
    c[1] = stride - 16 * groups;
    c[2] = rows;
    PZ_MVE_LOOPS(PZ_MVE_NEXT_ROW);
  }
  *first = u;
  *second = v;
  *at = w;
}
#elif PZ_MVE
PZ_INLINE void pz_sums_2x4(const pz_i8 *p, const pz_i8 *b, const pz_u32 **at, int rows, int groups, int stride,
                           int32x4_t *first, int32x4_t *second) {
  const int8_t *v = (const int8_t *)(*at + 4);
  int32_t s[4], t[4];
  for (int i = 0; i < 4; ++i) s[i] = t[i] = (int32_t)(*at)[i];
  for (int r = 0; r < rows; ++r, p += stride, b += stride)
    for (int g = 0; g < groups; ++g, v += 64) {
      const int8x16_t x = vld1q_s8(p + 16 * g), z = vld1q_s8(b + 16 * g);
      for (int i = 0; i < 4; ++i) {
        s[i] = vmladavaq_s8(s[i], x, vld1q_s8(v + 16 * i));
        t[i] = vmladavaq_s8(t[i], z, vld1q_s8(v + 16 * i));
      }
    }
  *first = vld1q_s32(s);
  *second = vld1q_s32(t);
  *at += 4 + rows * groups * 16;
}
#endif

/* Two windows of `rows` rows, `stride` bytes from one to the next, -> outputs y0 and y1, out_c channels each. */
PZ_INLINE void pz_dot_2x4(const pz_i8 *p0, const pz_i8 *p1, const pz_u32 *w, pz_i8 *y0, pz_i8 *y1, int rows, int groups,
                          int stride, int out_c, const pz_out_args q) {
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 4) {
    const int left = out_c % 4 == 0 ? 4 : out_c - o;
#if PZ_MVE
    int32x4_t u, v;
    pz_sums_2x4(p0, p1, &w, rows, groups, stride, &u, &v);
    pz_store4(y1 + o, left, v, w, q);
    pz_store4(y0 + o, left, u, w, q);
    w += 5;
#else
    const pz_u32 *f = w + 4 + rows * groups * 16;
    for (int i = 0; i < 4 && i < left; ++i) {
      const int32_t u = pz_sum_block(p0, w, i, rows, groups, stride), v = pz_sum_block(p1, w, i, rows, groups, stride);
      y1[o + i] = pz_finish_block(v, f, i, q);
      y0[o + i] = pz_finish_block(u, f, i, q);
    }
    w = f + 5;
#endif
  }
}

/* One vector of k values -> out_c outputs. Nothing is read behind the vector's end. */
PZ_INLINE void pz_dot_1x4(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int k, int out_c, const pz_out_args q) {
  const int groups = PZ_GROUPS16(k);
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 4) {
    const int left = out_c % 4 == 0 ? 4 : out_c - o;
#if PZ_MVE
    int32_t a = (int32_t)w[0], b = (int32_t)w[1], c = (int32_t)w[2], d = (int32_t)w[3];
    const int8_t *v = (const int8_t *)(w + 4), *x = p;
    for (int n = k; n > 0; n -= 16, x += 16, v += 64) {
      const int8x16_t g = k % 16 == 0 ? vld1q_s8(x) : vldrbq_z_s8(x, vctp8q((uint32_t)n));
      a = vmladavaq_s8(a, g, vld1q_s8(v));
      b = vmladavaq_s8(b, g, vld1q_s8(v + 16));
      c = vmladavaq_s8(c, g, vld1q_s8(v + 32));
      d = vmladavaq_s8(d, g, vld1q_s8(v + 48));
    }
    w += 4 + groups * 16;
    int32x4_t acc = vdupq_n_s32(a);
    acc = vsetq_lane_s32(b, acc, 1);
    acc = vsetq_lane_s32(c, acc, 2);
    acc = vsetq_lane_s32(d, acc, 3);
    pz_store4(y + o, left, acc, w, q);
    w += 5;
#else
    const pz_u32 *f = w + 4 + groups * 16;
    for (int i = 0; i < 4 && i < left; ++i) {
      int32_t s = (int32_t)w[i];
      const pz_i8 *v = (const pz_i8 *)(w + 4) + 16 * i;
      for (int n = 0; n < k; ++n) s += (int32_t)p[n] * v[n / 16 * 64 + n % 16];
      y[o + i] = pz_finish_block(s, f, i, q);
    }
    w = f + 5;
#endif
  }
}

#endif
