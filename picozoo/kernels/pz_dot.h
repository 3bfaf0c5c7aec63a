/* Inner loops of the int8 convolution, fully connected and LSTM kernels.

   Two forms, equal to the bit. The plain form multiplies int8 by int8 in row order; compilers vectorise it. The paired
   form is for cores with DSP instructions (two multiply-accumulates each); without them the same code runs in plain C.

   Paired form: a row is cut into groups of four values v0 v1 v2 v3, kept as two words of int16, (v0, v2) and (v1, v3):
   that is what SXTB16 makes of four bytes in a word, and of the same word rotated by eight bits. What is left of a row
   (one to three values) fills a word or two with zeros behind it, and the whole is padded to a multiple of four words.
     patch      widened input: for two patches their words take turns, w0 of the first, w0 of the second, w1 ...
     weights    int8: one word per group of four; int16: two words per group. For each pair of output channels (a, b)
                a group of a, then the same group of b, and so on.
   The packer is ops/_matmul8.py. */
#ifndef PZ_DOT_H
#define PZ_DOT_H

#include "pz_line8.h"

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

/* How a layer turns accumulators into output integers. `form`: which requantisation (pz_fixed.h). */
enum { PZ_TWICE, PZ_TWICE_SMALL, PZ_TWICE_DOWN, PZ_ONCE, PZ_ONCE_DOWN, PZ_FOLDED, PZ_LINE, PZ_LINES };

typedef struct {
  const pz_i32 PZ_FLASH *bias;
  const pz_i32 PZ_FLASH *multiplier;
  const pz_i8 PZ_FLASH *shift;
  int per_channel;
  int form;
  int32_t zero, lo, hi;
  int down; /* of PZ_FOLDED, whose sums are 256 times as large: the shift behind the high multiply (ops/_fold.py) */
} pz_requant_args;

/* What the inputs of a layer are shifted up by when they are widened. */
#define PZ_SCALE(q) ((q).form == PZ_FOLDED ? 8 : 0)

PZ_INLINE int32_t pz_limited(int32_t v, const pz_requant_args q) {
#if PZ_DSP
  if (q.lo == -128 && q.hi == 127) return __ssat(v, 8);
#endif
  return pz_clamp(v, q.lo, q.hi);
}
PZ_INLINE pz_i8 pz_narrow_to_i8(int32_t v, const pz_requant_args q) { return (pz_i8)pz_limited(v, q); }

/* Accumulator to output integer with a channel's multiplier and shift; as a word, for what goes on with it. */
PZ_INLINE int32_t pz_finish_word(int32_t acc, int32_t m, int s, const pz_requant_args q) {
  if (q.form == PZ_FOLDED) return pz_limited(pz_mul_high(acc, m) >> q.down, q);
  if (q.form == PZ_TWICE_DOWN) return pz_limited(pz_twice_plus(acc, m, s, q.zero) >> 1, q);
  const int32_t v = q.form == PZ_ONCE        ? pz_requant_once(acc, m, s)
                    : q.form == PZ_ONCE_DOWN ? pz_requant_once_down(acc, m, s)
                    : q.form == PZ_TWICE     ? pz_requant(acc, m, s)
                                             : pz_requant_small(acc, m, s);
  return pz_limited(v + q.zero, q);
}
PZ_INLINE pz_i8 pz_finish_with(int32_t acc, int32_t m, int s, const pz_requant_args q) {
  return (pz_i8)pz_finish_word(acc, m, s, q);
}

PZ_INLINE pz_i8 pz_finish(int32_t acc, int o, const pz_requant_args q) {
  const int c = q.per_channel ? o : 0;
  return pz_finish_with(acc, q.multiplier[c], q.shift[c], q);
}

/* Plain form: one patch x[k], weights w[o][k] -> y[o], or to its sum with add[o] where there is a `line`. */
PZ_INLINE void pz_dot_plain(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, int k, int out_c, const pz_requant_args q,
                            const pz_i8 *add, const pz_line8_args line) {
  for (int o = 0; o < out_c; ++o, w += k) {
    int32_t acc = q.bias[o];
    for (int i = 0; i < k; ++i) acc += (int32_t)x[i] * w[i];
    y[o] = PZ_ADDS(line) ? pz_line8(pz_finish(acc, o, q), add[o], line) : pz_finish(acc, o, q);
  }
}

/* Sums of one patch with two rows of int8 weights, n groups of four words; `pairs`: how often this layer does it. */
PZ_INLINE void pz_mac_1x2(const pz_u32 *p, const pz_u32 *w, int n, int pairs, int32_t *s) {
  int32_t a = s[0], b = s[1];
#if PZ_ASM
  uint32_t u, v, t;
#define PZ_MAC_1X2(times)                                                                                               \
  __asm__ volatile(                                                                                                     \
      "1:\n"                                                                                                            \
      ".rept " times "\n"                                                                                               \
      "ldm %[w]!, {r4, r5, r6, r8}\n"                                                                                   \
      "ldrd %[u], %[v], [%[p]], #8\n"                                                                                   \
      "sxtb16 %[t], r4\n"                                                                                               \
      "smlad %[a], %[t], %[u], %[a]\n"                                                                                  \
      "sxtb16 %[t], r4, ror #8\n"                                                                                       \
      "smlad %[a], %[t], %[v], %[a]\n"                                                                                  \
      "sxtb16 %[t], r5\n"                                                                                               \
      "smlad %[b], %[t], %[u], %[b]\n"                                                                                  \
      "sxtb16 %[t], r5, ror #8\n"                                                                                       \
      "smlad %[b], %[t], %[v], %[b]\n"                                                                                  \
      "ldrd %[u], %[v], [%[p]], #8\n"                                                                                   \
      "sxtb16 %[t], r6\n"                                                                                               \
      "smlad %[a], %[t], %[u], %[a]\n"                                                                                  \
      "sxtb16 %[t], r6, ror #8\n"                                                                                       \
      "smlad %[a], %[t], %[v], %[a]\n"                                                                                  \
      "sxtb16 %[t], r8\n"                                                                                               \
      "smlad %[b], %[t], %[u], %[b]\n"                                                                                  \
      "sxtb16 %[t], r8, ror #8\n"                                                                                       \
      "smlad %[b], %[t], %[v], %[b]\n"                                                                                  \
      ".endr\n"                                                                                                         \
      "subs %[n], %[n], #1\n"                                                                                           \
      "bne 1b\n"                                                                                                        \
      : [a] "+r"(a), [b] "+r"(b), [p] "+r"(p), [w] "+r"(w), [n] "+r"(n), [u] "=&r"(u), [v] "=&r"(v), [t] "=&r"(t)        \
      :                                                                                                                 \
      : "r4", "r5", "r6", "r8", "cc", "memory")
  /* n and pairs are constants: one of the three is compiled. Copies pay only where the loop is long. */
  if (n % 4 == 0 && n * pairs >= 1024) {
    n /= 4;
    PZ_MAC_1X2("4");
  } else if (n % 2 == 0) {
    n /= 2;
    PZ_MAC_1X2("2");
  } else {
    PZ_MAC_1X2("1");
  }
#undef PZ_MAC_1X2
#else
  (void)pairs;
  for (int i = 0; i < 2 * n; ++i, p += 2, w += 2) {
    a = pz_smlad(pz_sxtb16_ror8(w[0]), p[1], pz_smlad(pz_sxtb16(w[0]), p[0], a));
    b = pz_smlad(pz_sxtb16_ror8(w[1]), p[1], pz_smlad(pz_sxtb16(w[1]), p[0], b));
  }
#endif
  s[0] = a;
  s[1] = b;
}

/* One patch, int8 weights. */
PZ_INLINE void pz_dot_pair1(const pz_u32 *p, const pz_u32 *w, pz_i8 *y, int n, int out_c, const pz_requant_args q) {
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 2, w += n * 4) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c;
    int32_t s[2];
    s[0] = q.bias[o];
    s[1] = two ? q.bias[o + 1] : 0;
    pz_mac_1x2(p, w, n, (out_c + 1) / 2, s);
    y[o] = pz_finish(s[0], o, q);
    if (two) y[o + 1] = pz_finish(s[1], o + 1, q);
  }
}

PZ_INLINE uint32_t pz_words16(int low, int high) { return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16; }

/* Four values, times 1 or (`up` = 8) 256. */
PZ_INLINE void pz_widen4(const pz_i8 *x, pz_u32 *to, int step, int up) {
  const uint32_t v = pz_read32(x);
  to[0] = up ? v << 8 & 0xff00ff00u : pz_sxtb16(v);
  to[step] = up ? v & 0xff00ff00u : pz_sxtb16_ror8(v);
}

/* Widen a row of n values into words `step` apart; returns where the next row goes. */
PZ_INLINE pz_u32 *pz_widen_up(const pz_i8 *x, pz_u32 *to, int n, int step, int up) {
  if (n > 64) { /* long rows gain little from copies of the loop, and cost flash */
    PZ_ROLLED
    for (; n >= 4; n -= 4, x += 4, to += 2 * step) pz_widen4(x, to, step, up);
  }
  for (; n >= 4; n -= 4, x += 4, to += 2 * step) pz_widen4(x, to, step, up);
  if (n > 0) {
    to[0] = pz_words16(x[0] * (1 << up), n > 2 ? x[2] * (1 << up) : 0);
    to += step;
  }
  if (n > 1) {
    to[0] = pz_words16(x[1] * (1 << up), 0);
    to += step;
  }
  return to;
}

PZ_INLINE pz_u32 *pz_widen(const pz_i8 *x, pz_u32 *to, int n, int step) { return pz_widen_up(x, to, n, step, 0); }

/* The same for a row of n equal values (what lies outside the input). */
PZ_INLINE pz_u32 *pz_widen_fill(int value, pz_u32 *to, int n, int step) {
  const uint32_t both = pz_words16(value, value), one = pz_words16(value, 0);
  PZ_ROLLED
  for (; n >= 4; n -= 4, to += 2 * step) to[0] = to[step] = both;
  if (n > 0) {
    to[0] = n > 2 ? both : one;
    to += step;
  }
  if (n > 1) {
    to[0] = one;
    to += step;
  }
  return to;
}

/* Words of a row of n values, and of a patch of `rows` rows rounded up to a multiple of four. */
#define PZ_ROW_WORDS(n) ((n) / 4 * 2 + ((n) % 4 == 0 ? 0 : (n) % 4 == 1 ? 1 : 2))
#define PZ_PATCH_GROUPS(rows, n) (((rows) * PZ_ROW_WORDS(n) + 3) / 4)

PZ_INLINE void pz_clear_words(pz_u32 *to, int n) {
  for (int i = 0; i < n; ++i) to[i] = 0;
}

#endif
