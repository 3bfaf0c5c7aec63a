/* Convolution by pairs: two windows with two output channels at a time, for cores with DSP instructions. The same in
   plain C elsewhere. Windows lie as pz_dot.h says ("paired form"), their words taking turns.

   One stream of words holds all of a layer. For each two channels a and b:
     bias a, bias b; 4 n words of weights (8 n if `wide`, as pz_dot.h says); multiplier a, multiplier b;
     and, unless the form is PZ_FOLDED, one word more: the shift of a in its lowest byte, that of b in the next.
   An odd last channel has zeros for b. For PZ_FOLDED the values of windows are 256 times the input's, and the
   multiplier is that of ops/_fold.py. For PZ_TWICE_DOWN it is 2 m - 2^32 and the shift is how far down, less one: a
   high multiply that adds the sum itself, 2^32 times, is one by 2 m. The packer is ops/_pair.py. */
#ifndef PZ_PAIR_H
#define PZ_PAIR_H

#include "pz_dot.h"

#if PZ_ASM
/* Two words of each window with two channels. r4 to r6, r8: the windows' words; b0, d0: where b and d begin. */
#define PZ_PAIR_WIDE(b0, d0)                                                                                           \
  "ldm %[p]!, {r4, r5, r6, r8}\n"                                                                                      \
  "ldrd %[u], %[v], [%[w]], #8\n"                                                                                      \
  "smlad %[b], %[u], r5, " b0 "\n"                                                                                     \
  "smlad %[a], %[u], r4, %[a]\n"                                                                                       \
  "smlad %[b], %[v], r8, %[b]\n"                                                                                       \
  "smlad %[a], %[v], r6, %[a]\n"                                                                                       \
  "ldrd %[u], %[v], [%[w]], #8\n"                                                                                      \
  "smlad %[d], %[u], r5, " d0 "\n"                                                                                     \
  "smlad %[c], %[u], r4, %[c]\n"                                                                                       \
  "smlad %[d], %[v], r8, %[d]\n"                                                                                       \
  "smlad %[c], %[v], r6, %[c]\n"
#define PZ_PAIR_SLIM(b0, d0)                                                                                           \
  "ldm %[p]!, {r4, r5, r6, r8}\n"                                                                                      \
  "ldrd %[u], %[x], [%[w]], #8\n"                                                                                      \
  "sxtb16 %[v], %[u]\n"                                                                                                \
  "smlad %[b], %[v], r5, " b0 "\n"                                                                                     \
  "smlad %[a], %[v], r4, %[a]\n"                                                                                       \
  "sxtb16 %[v], %[u], ror #8\n"                                                                                        \
  "smlad %[b], %[v], r8, %[b]\n"                                                                                       \
  "smlad %[a], %[v], r6, %[a]\n"                                                                                       \
  "sxtb16 %[v], %[x]\n"                                                                                                \
  "smlad %[d], %[v], r5, " d0 "\n"                                                                                     \
  "smlad %[c], %[v], r4, %[c]\n"                                                                                       \
  "sxtb16 %[v], %[x], ror #8\n"                                                                                        \
  "smlad %[d], %[v], r8, %[d]\n"                                                                                       \
  "smlad %[c], %[v], r6, %[c]\n"
#define PZ_PAIR_SUMS                                                                                                   \
  [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [p] "+r"(p), [w] "+r"(w), [u] "=&r"(u), [v] "=&r"(v)
#define PZ_PAIR_KEEPS "r4", "r5", "r6", "r8", "cc", "memory"
#define PZ_PAIR_BEGIN "ldrd %[a], %[c], [%[w]], #8\n"
/* A short window as one piece, `times` steps behind the first; others as a loop of two steps.
   STEP_MORE: registers of a step that are not among the above. */
#define PZ_PAIR_WIDE_MORE
#define PZ_PAIR_SLIM_MORE , [x] "=&r"(x)
#define PZ_PAIR_SHORT(step, times)                                                                                     \
  __asm__ volatile(PZ_PAIR_BEGIN step("%[a]", "%[c]") ".rept " times "\n" step("%[b]", "%[d]") ".endr\n"               \
                   : PZ_PAIR_SUMS step##_MORE::PZ_PAIR_KEEPS)
#define PZ_PAIR_LOOP(step)                                                                                             \
  __asm__ volatile(PZ_PAIR_BEGIN "mov %[b], %[a]\n"                                                                    \
                                 "mov %[d], %[c]\n"                                                                    \
                                 "1:\n" step("%[b]", "%[d]") step("%[b]", "%[d]") "subs %[n], %[n], #1\n"              \
                                 "bne 1b\n"                                                                            \
                   : PZ_PAIR_SUMS, [n] "+r"(n) step##_MORE::PZ_PAIR_KEEPS)
#if defined(PZ_SHARED_KERNELS)
#define PZ_PAIR_ANY(step) PZ_PAIR_LOOP(step)
#else
#define PZ_PAIR_ANY(step)                                                                                              \
  if (n == 1)                                                                                                          \
    PZ_PAIR_SHORT(step, "1");                                                                                          \
  else if (n == 2)                                                                                                     \
    PZ_PAIR_SHORT(step, "3");                                                                                          \
  else                                                                                                                 \
    PZ_PAIR_LOOP(step)
#endif
#endif

/* Sums of two windows with two channels, each of 4 n words, from their biases on; s[0], s[1]: the first channel with
   each window. Returns where the stream goes on, behind the weights. */
PZ_INLINE const pz_u32 *pz_pair_sums(const pz_u32 *p, const pz_u32 *w, int n, int wide, int32_t *s) {
#if PZ_ASM
  int32_t a, b, c, d;
  uint32_t u, v;
  if (wide) {
    PZ_PAIR_ANY(PZ_PAIR_WIDE);
  } else {
    uint32_t x;
    PZ_PAIR_ANY(PZ_PAIR_SLIM);
  }
#else
  int32_t a = (int32_t)w[0], b = a, c = (int32_t)w[1], d = c;
  w += 2;
  for (int i = 0; i < 2 * n; ++i, p += 4) {
    uint32_t e = wide ? w[0] : pz_sxtb16(w[0]), f = wide ? w[1] : pz_sxtb16_ror8(w[0]);
    a = pz_smlad(f, p[2], pz_smlad(e, p[0], a));
    b = pz_smlad(f, p[3], pz_smlad(e, p[1], b));
    w += wide ? 2 : 1;
    e = wide ? w[0] : pz_sxtb16(w[0]);
    f = wide ? w[1] : pz_sxtb16_ror8(w[0]);
    c = pz_smlad(f, p[2], pz_smlad(e, p[0], c));
    d = pz_smlad(f, p[3], pz_smlad(e, p[1], d));
    w += wide ? 2 : 1;
  }
#endif
  s[0] = a;
  s[1] = b;
  s[2] = c;
  s[3] = d;
  return w;
}

/* A sum to an output integer; m and s as the stream has them. */
PZ_INLINE int32_t pz_pair_finish(int32_t acc, int32_t m, int s, const pz_requant_args q) {
  if (q.form != PZ_TWICE_DOWN) return pz_finish_word(acc, m, s, q);
  int32_t h = pz_mul_high_plus(acc, m, acc);
  h += h >> 31;
  return pz_limited(((h >> s) + (2 * q.zero + 1)) >> 1, q);
}

/* Sums of channel o of two windows to outputs y0 and y1, or to their sums with a0 and a1 where there is a `line`. The
   second first: where y0 is y1, the first window counts. Both are read before one is written: y may be what is added. */
PZ_INLINE void pz_pair_store(const int32_t *s, int32_t m, int shift, pz_i8 *y0, pz_i8 *y1, int o, const pz_requant_args q,
                             const pz_i8 *a0, const pz_i8 *a1, const pz_line8_args line) {
  if (PZ_ADDS(line)) {
    const int32_t k0 = a0[o], k1 = a1[o];
    y1[o] = pz_line8(pz_pair_finish(s[1], m, shift, q), k1, line);
    y0[o] = pz_line8(pz_pair_finish(s[0], m, shift, q), k0, line);
  } else {
    y1[o] = (pz_i8)pz_pair_finish(s[1], m, shift, q);
    y0[o] = (pz_i8)pz_pair_finish(s[0], m, shift, q);
  }
}

/* Two windows -> outputs y0 and y1, out_c channels each; n groups of four words a window. */
PZ_INLINE void pz_pair_outputs(const pz_u32 *p, const pz_u32 *w, pz_i8 *y0, pz_i8 *y1, int n, int out_c, int wide,
                               const pz_requant_args q, const pz_i8 *a0, const pz_i8 *a1, const pz_line8_args line) {
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 2) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c;
    int32_t s[4];
    w = pz_pair_sums(p, w, n, wide, s);
    const int32_t m = (int32_t)w[0], other = (int32_t)w[1];
    const pz_i8 *const shift = (const pz_i8 *)(w + 2);
    pz_pair_store(s, m, shift[0], y0, y1, o, q, a0, a1, line);
    if (two) pz_pair_store(s + 2, other, shift[1], y0, y1, o + 1, q, a0, a1, line);
    w += q.form == PZ_FOLDED ? 2 : 3;
  }
}

#endif
