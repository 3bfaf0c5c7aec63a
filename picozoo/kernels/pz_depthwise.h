/* Depthwise int8 convolution by planes: a channel is copied to a small plane of int16, padded once, then all of its
   outputs are written. Twin: ops/conv2d.py; ops/_plane.py says how a layer is walked.

   "Outer" and "inner" are height and width or the other way round, whichever leaves fewer odd ends. Dilation along the
   inner dimension is gone in the plane: its rows are cut into `phases`, each holding every so many-th value, so that the
   values of a window lie together. Places that no window reads are not in the plane. */
#ifndef PZ_DEPTHWISE_H
#define PZ_DEPTHWISE_H

#include "pz_dot.h"

/* Weights of one channel for pz_plane_dot, in words of two: of each row of kw first the pairs (0, 1), (2, 3) ..., then
   (1, 2), (3, 4) ...; the last of an odd row is in the second kind only. */
#define PZ_PLANE_WORDS(kw) ((kw) / 2 + ((kw) - 1) / 2 + ((kw) == 1))

PZ_INLINE void pz_plane_weights(const pz_i8 PZ_FLASH *f, pz_u32 *v, int kh, int kw) {
  for (int k = 0; k < kh; ++k, f += kw) {
    for (int j = 0; j + 1 < kw; j += 2) *v++ = pz_words16(f[j], f[j + 1]);
    for (int j = 1; j + 1 < kw; j += 2) *v++ = pz_words16(f[j], f[j + 1]);
    if (kw == 1) *v++ = pz_words16(0, f[0]);
  }
}

PZ_INLINE int32_t pz_plane_low(uint32_t v) { return (int16_t)(uint16_t)(v & 0xffffu); }
PZ_INLINE int32_t pz_plane_high(uint32_t v) { return (int16_t)(uint16_t)(v >> 16); }

/* Sums of two neighbouring outputs (one unless `two`) of kh rows of kw weights; p: the plane at the first window, `down`
   values from one row of the window to the next, `far` values from one weight's input to the next. */
PZ_INLINE void pz_plane_dot(const pz_i16 *p, int down, int far, int two, int kh, int kw, const pz_u32 *v, int32_t *s) {
  const int words = PZ_PLANE_WORDS(kw);
  int32_t a = s[0], b = s[1];
  for (int k = 0; k < kh; ++k, p += down, v += words) {
#if PZ_DSP
    if (far == 1) {
      const pz_u32 *u = (const pz_u32 *)(const void *)p;
      const int even = kw / 2;
      for (int j = 0; j < even; ++j) {
        a = pz_smlad(u[j], v[j], a);
        if (two) b = j == 0 ? __smlatb((int32_t)u[0], (int32_t)v[0], b) : pz_smlad(u[j], v[even + j - 1], b);
      }
      if (kw & 1) {
        a = __smlabt((int32_t)u[even], (int32_t)v[words - 1], a);
        if (two) b = kw == 1 ? __smlatt((int32_t)u[0], (int32_t)v[0], b) : pz_smlad(u[even], v[words - 1], b);
      } else if (two) {
        b = __smlabt((int32_t)u[even], (int32_t)v[even - 1], b);
      }
      continue;
    }
#endif
    for (int j = 0; j < kw; ++j) {
      const int32_t w = j == kw - 1 && (kw & 1) ? pz_plane_high(v[words - 1]) : j & 1 ? pz_plane_high(v[j / 2]) : pz_plane_low(v[j / 2]);
      a += p[j * far] * w;
      if (two) b += p[j * far + 1] * w;
    }
  }
  s[0] = a;
  s[1] = b;
}

#if PZ_ASM && !defined(PZ_SHARED_KERNELS)
#define PZ_PLANE_ASM 1
/* The loops below hold these as parts of instructions: int16 from one row of the window to the next and from one row of
   windows to the next, outputs of a row, the step in y, and what outputs are made with. */
#define PZ_PLANE_FITS(down, next, n, yi, half)                                                                         \
  (__builtin_constant_p(down) && __builtin_constant_p(next) && __builtin_constant_p(n) && __builtin_constant_p(yi) &&  \
   __builtin_constant_p(half) && (down) <= 255 && (next) <= 1023 && (n) > 1 && (n) <= 255 && (yi) <= 2047)
/* c: rows, the step to the next row of y, bias, multiplier, shift, any; then six words of weights. Registers are too few
   for the first ones, which are on the stack. r4 to r10: weights, r11: outputs left, r12, lr: sums, r3 and c: inputs. */
#define PZ_PLANE_BEGIN                        \
  "ldm %[c]!, {r4, r5, r6, r8, r9, r10}\n"    \
  "push {r4, r5, r6, r8, r9, r10}\n"          \
  "ldm %[c], {r4, r5, r6, r8, r9, r10}\n"
#define PZ_PLANE_ROWS "1:\nmov r11, %[count]\n2:\n"
#define PZ_PLANE_TURN "subs r11, r11, #1\nbne 2b\n"
#define PZ_PLANE_END                          \
  "add %[p], %[p], %[next]\n"                 \
  "ldrd %[c], r3, [sp]\n"                     \
  "add %[to], %[to], r3\n"                    \
  "subs %[c], %[c], #1\n"                     \
  "str %[c], [sp]\n"                          \
  "bne 1b\n"                                  \
  "add sp, sp, #24\n"
#define PZ_PLANE_THREE(first, second, third)                 \
  "ldrd %[c], r3, [%[p], %[down2]]\n" third                  \
  "ldrd %[c], r3, [%[p], %[down]]\n" second                  \
  "ldrd %[c], r3, [%[p]], #4\n" first

/* Sums to outputs: PZ_FOLDED, `half` being its shift, and PZ_TWICE_DOWN, `half` being twice the zero point and one. */
#define PZ_PLANE_FOLD(v, m) "smmul " v ", " v ", " m "\n"
#define PZ_PLANE_FOLDED(v) "ssat " v ", #8, " v ", asr %[half]\n"
#define PZ_PLANE_TWO(v, m)                    \
  "lsl " v ", " v ", #1\n"                    \
  "smmulr " v ", " v ", " m "\n"              \
  "add " v ", " v ", " v ", asr #31\n"
#define PZ_PLANE_DOWN(v)                      \
  "asr " v ", " v ", r3\n"                    \
  "add " v ", " v ", %[half]\n"               \
  "ssat " v ", #8, " v ", asr #1\n"

/* A row of a window of three for two outputs, and for one. a0, b0: where their sums begin. */
#define PZ_PLANE_PAIR(v, w, a0, b0)           \
  "smlad r12, %[c], " v ", " a0 "\n"          \
  "smlatb lr, %[c], " v ", " b0 "\n"          \
  "smlabt r12, r3, " w ", r12\n"              \
  "smlad lr, r3, " w ", lr\n"
#define PZ_PLANE_ONE(v, w, half, a0)          \
  "smlad r12, %[c], " v ", " a0 "\n"          \
  "smlab" half " r12, r3, " w ", r12\n"
#define PZ_PLANE_LAST(first, then)                                                                                     \
  "ldr r12, [sp, #8]\n" PZ_PLANE_THREE(PZ_PLANE_ONE("r4", "r5", "t", "r12"), PZ_PLANE_ONE("r6", "r8", "t", "r12"),     \
                                       PZ_PLANE_ONE("r9", "r10", "t", "r12"))                                          \
  "sub %[p], %[p], #4\n"                                                                                               \
  "ldrd %[c], r3, [sp, #12]\n" first("r12", "%[c]") then("r12")                                                        \
  "strb r12, [%[to]]\n"
#define PZ_PLANE_NONE(first, then)
#define PZ_PLANE_NEAR                         \
  "strb r12, [%[to]], %[yi]\n"                \
  "strb lr, [%[to]], %[yi]\n"
#define PZ_PLANE_FAR                          \
  "strb r12, [%[to]]\n"                       \
  "strb lr, [%[to], %[yi]]\n"                 \
  "add %[to], %[to], %[yi2]\n"
#define PZ_PLANE_RUN(code, outputs, each)                                                                              \
  __asm__ volatile(code                                                                                                \
                   : [p] "+r"(p), [to] "+r"(to), [c] "+r"(c)                                                           \
                   : [count] "i"((outputs) / (each)), [down] "i"(2 * down), [down2] "i"(4 * down),                     \
                     [next] "i"(2 * next - (outputs) / (each) * 4), [yi] "i"(yi), [yi2] "i"(2 * yi), [half] "i"(half)  \
                   : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")
#define PZ_PLANE_PAIRS(first, then, stores, last)                                                                      \
  PZ_PLANE_RUN(PZ_PLANE_BEGIN PZ_PLANE_ROWS "ldr lr, [sp, #8]\n" PZ_PLANE_THREE(                                       \
                   PZ_PLANE_PAIR("r4", "r5", "r12", "lr"), PZ_PLANE_PAIR("r6", "r8", "r12", "lr"),                     \
                   PZ_PLANE_PAIR("r9", "r10", "lr", "lr")) "ldrd %[c], r3, [sp, #12]\n" first("r12", "%[c]")           \
                   first("lr", "%[c]") then("r12") then("lr") stores PZ_PLANE_TURN last(first, then) PZ_PLANE_END,     \
               n, 2)
#define PZ_PLANE_ANY_PAIRS(first, then)                        \
  if (yi <= 255 && n % 2 == 0)                                 \
    PZ_PLANE_PAIRS(first, then, PZ_PLANE_NEAR, PZ_PLANE_NONE); \
  else if (yi <= 255)                                          \
    PZ_PLANE_PAIRS(first, then, PZ_PLANE_NEAR, PZ_PLANE_LAST); \
  else if (n % 2 == 0)                                         \
    PZ_PLANE_PAIRS(first, then, PZ_PLANE_FAR, PZ_PLANE_NONE);  \
  else                                                         \
    PZ_PLANE_PAIRS(first, then, PZ_PLANE_FAR, PZ_PLANE_LAST)

/* Rows of n outputs, 3 x 3, step 1 along a row. */
PZ_INLINE void pz_plane_pairs(const pz_i16 *p, pz_i8 *to, const pz_u32 *c, int n, int down, int next, int yi, int folded,
                              int half) {
  if (folded) {
    PZ_PLANE_ANY_PAIRS(PZ_PLANE_FOLD, PZ_PLANE_FOLDED);
  } else {
    PZ_PLANE_ANY_PAIRS(PZ_PLANE_TWO, PZ_PLANE_DOWN);
  }
}

/* A row of a window of five for two outputs; r9: its weights, which are in memory. */
#define PZ_PLANE_FIVE(at, next, a0, b0)       \
  "ldm r9!, {r4, r5, r6, r8}\n"               \
  "ldrd %[c], r3, [%[p], " at "]\n"           \
  "ldr r10, [%[p], " next "]\n"               \
  "smlad r12, %[c], r4, " a0 "\n"             \
  "smlatb lr, %[c], r4, " b0 "\n"             \
  "smlad r12, r3, r5, r12\n"                  \
  "smlad lr, r3, r6, lr\n"                    \
  "smlabt r12, r10, r8, r12\n"                \
  "smlad lr, r10, r8, lr\n"
#define PZ_PLANE_FIVES(first, then, stores)                                                                            \
  __asm__ volatile(                                                                                                    \
      "ldm %[c], {r4, r5, r6, r8, r9, r10}\n"                                                                          \
      "push {r4, r5, r6, r8, r9, r10}\n"                                                                               \
      "mov r9, r10\n" PZ_PLANE_ROWS "ldr lr, [sp, #8]\n" PZ_PLANE_FIVE("#0", "#8", "lr", "lr")                         \
          PZ_PLANE_FIVE("%[at1]", "%[to1]", "r12", "lr") PZ_PLANE_FIVE("%[at2]", "%[to2]", "r12", "lr")                \
              PZ_PLANE_FIVE("%[at3]", "%[to3]", "r12", "lr") PZ_PLANE_FIVE("%[at4]", "%[to4]", "r12", "lr")            \
      "ldrd %[c], r3, [sp, #12]\n" first("r12", "%[c]") first("lr", "%[c]") then("r12") then("lr") stores              \
      "add %[p], %[p], #4\n"                                                                                           \
      "sub r9, r9, #80\n" PZ_PLANE_TURN PZ_PLANE_END                                                                   \
      : [p] "+r"(p), [to] "+r"(to), [c] "+r"(c)                                                                        \
      : [count] "i"(n / 2), [at1] "i"(2 * down), [at2] "i"(4 * down), [at3] "i"(6 * down), [at4] "i"(8 * down),        \
        [to1] "i"(2 * down + 8), [to2] "i"(4 * down + 8), [to3] "i"(6 * down + 8), [to4] "i"(8 * down + 8),            \
        [next] "i"(2 * next - n / 2 * 4), [yi] "i"(yi), [yi2] "i"(2 * yi), [half] "i"(half)                            \
      : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

/* The same for 5 x 5 and an even n; the last of the six words is the address of the weights. */
PZ_INLINE void pz_plane_fives(const pz_i16 *p, pz_i8 *to, const pz_u32 *c, int n, int down, int next, int yi, int folded,
                              int half) {
  if (folded && yi <= 255)
    PZ_PLANE_FIVES(PZ_PLANE_FOLD, PZ_PLANE_FOLDED, PZ_PLANE_NEAR);
  else if (folded)
    PZ_PLANE_FIVES(PZ_PLANE_FOLD, PZ_PLANE_FOLDED, PZ_PLANE_FAR);
  else if (yi <= 255)
    PZ_PLANE_FIVES(PZ_PLANE_TWO, PZ_PLANE_DOWN, PZ_PLANE_NEAR);
  else
    PZ_PLANE_FIVES(PZ_PLANE_TWO, PZ_PLANE_DOWN, PZ_PLANE_FAR);
}

/* The last weights of the first two rows share r8; r5 and lr: bias and multiplier. */
#define PZ_PLANE_SINGLES(load, first, then, stores)                                                                    \
  PZ_PLANE_RUN(PZ_PLANE_BEGIN "pkhtb r8, r8, r5, asr #16\n"                                                            \
                              "ldr r5, [sp, #8]\n"                                                                     \
                              "ldr lr, [sp, #12]\n" PZ_PLANE_ROWS PZ_PLANE_THREE(                                      \
                                  PZ_PLANE_ONE("r4", "r8", "b", "r12"), PZ_PLANE_ONE("r6", "r8", "t", "r12"),          \
                                  PZ_PLANE_ONE("r9", "r10", "t", "r5")) load first("r12", "lr") then("r12")            \
                   stores PZ_PLANE_TURN PZ_PLANE_END,                                                                  \
               n, 1)
#define PZ_PLANE_SHIFT "ldr r3, [sp, #16]\n"
#define PZ_PLANE_STORE_NEAR "strb r12, [%[to]], %[yi]\n"
#define PZ_PLANE_STORE_FAR                    \
  "strb r12, [%[to]]\n"                       \
  "add %[to], %[to], %[yi]\n"

/* The same, step 2 along a row. */
PZ_INLINE void pz_plane_singles(const pz_i16 *p, pz_i8 *to, const pz_u32 *c, int n, int down, int next, int yi, int folded,
                                int half) {
  if (folded && yi <= 255)
    PZ_PLANE_SINGLES("", PZ_PLANE_FOLD, PZ_PLANE_FOLDED, PZ_PLANE_STORE_NEAR);
  else if (folded)
    PZ_PLANE_SINGLES("", PZ_PLANE_FOLD, PZ_PLANE_FOLDED, PZ_PLANE_STORE_FAR);
  else if (yi <= 255)
    PZ_PLANE_SINGLES(PZ_PLANE_SHIFT, PZ_PLANE_TWO, PZ_PLANE_DOWN, PZ_PLANE_STORE_NEAR);
  else
    PZ_PLANE_SINGLES(PZ_PLANE_SHIFT, PZ_PLANE_TWO, PZ_PLANE_DOWN, PZ_PLANE_STORE_FAR);
}
#else
#define PZ_PLANE_ASM 0
#endif

/* `n` outputs of a row at p, `yi` apart in y. */
PZ_INLINE void pz_plane_outputs(const pz_i16 *p, pz_i8 *to, int n, int si, int yi, int down, int far, int kh, int kw,
                                const pz_u32 *v, int32_t bias, int32_t m, int shift, const pz_requant_args q) {
  const int two = si == 1;
  int32_t s[2];
  int i = 0;
  for (; i + two < n; i += 1 + two, p += two ? 2 : si, to += (1 + two) * yi) {
    s[0] = s[1] = bias;
    pz_plane_dot(p, down, far, two, kh, kw, v, s);
    to[0] = pz_finish_with(s[0], m, shift, q);
    if (two) to[yi] = pz_finish_with(s[1], m, shift, q);
  }
  if (i < n) {
    s[0] = s[1] = bias;
    pz_plane_dot(p, down, far, 0, kh, kw, v, s);
    to[0] = pz_finish_with(s[0], m, shift, q);
  }
}

/* `n` values of a channel, `xi` apart, times `up`. */
PZ_INLINE void pz_plane_fill(const pz_i8 *from, pz_i16 *to, int n, int xi, int up) {
#if PZ_DSP
  if (up == 256) { /* the low byte is zero already */
    pz_i8 *const high = (pz_i8 *)to + 1;
    PZ_MANY
    for (int i = 0; i < n; ++i) high[2 * i] = from[i * xi];
    return;
  }
#endif
  for (int i = 0; i < n; ++i) to[i] = (pz_i16)(from[i * xi] * up);
}

/* c planes of weights ([c * times][kh][kw], by outer then inner dimension), `times` outputs a channel. y may begin where x
   does if times is 1 and y is not the larger one. plane: rows * phases * row int16, row even, then kh *
   PZ_PLANE_WORDS(kw) words but for 3 x 3.
   no, ni, xs, xo, xi: how many inputs a channel's plane holds, the first one, and steps in x; po, pi: where they begin in
   the plane; oo, oi, yo, yi: outputs and steps in y; so, si: steps of windows in the plane; fo, far: steps in a window;
   q.bias holds bias - zero * sum of weights. */
PZ_KERNEL void pz_depthwise_i8(const pz_i8 *x, const pz_i8 PZ_FLASH *w, pz_i8 *y, pz_i16 *plane, int n, int size_x, int size_y,
                               int c, int times, int kh, int kw, int no, int ni, int xs, int xo, int xi, int po, int pi, int oo,
                               int oi, int yo, int yi, int so, int si, int fo, int far, int phases, int rows, int row, int zero,
                               const pz_requant_args q) {
  const int up = 1 << PZ_SCALE(q), wide = phases * row, down = fo * wide;
  pz_u32 few[12]; /* weights of 3 x 3 in its second half */
  pz_u32 *const v = kh == 3 && kw == 3 ? few + 6 : (pz_u32 *)(void *)(plane + rows * wide);
  pz_u32 *const words = (pz_u32 *)(void *)plane;
  PZ_ROLLED
  for (int i = 0; i < rows * wide / 2; ++i) words[i] = pz_words16(zero * up, zero * up); /* outside stays so for all channels */
  for (int b = 0; b < n; ++b, x += size_x, y += size_y)
    for (int ch = 0; ch < c; ++ch) {
      PZ_ROLLED
      for (int k = 0; k < phases; ++k) {
        const pz_i8 *from = x + ch + xs + k * xi;
        pz_i16 *to = plane + po * wide + (pi + k) % phases * row + (pi + k) / phases;
        const int count = ni % phases == 0 ? ni / phases : (ni - k + phases - 1) / phases;
        PZ_ROLLED
        for (int o = 0; o < no; ++o, from += xo, to += wide) pz_plane_fill(from, to, count, phases * xi, up);
      }
      for (int oc = ch * times; oc < (ch + 1) * times; ++oc) {
        pz_plane_weights(w + oc * kh * kw, v, kh, kw);
        const int32_t bias = q.bias[oc], m = q.multiplier[q.per_channel ? oc : 0];
        const int shift = q.form == PZ_FOLDED ? 0 : q.shift[q.per_channel ? oc : 0];
        for (int k = 0; k < phases; ++k) {
          const pz_i16 *p = plane + k * row;
          pz_i8 *to = y + oc + k * yi;
          const int count = oi % phases == 0 ? oi / phases : (oi - k + phases - 1) / phases;
#if PZ_PLANE_ASM
          const int folded = q.form == PZ_FOLDED, half = folded ? q.down : 2 * q.zero + 1;
          const int plain = (folded ? q.down > 0 : q.form == PZ_TWICE_DOWN) && q.lo == -128 && q.hi == 127;
          const int next = so * wide, step = phases * yi;
          const int five = kh == 5 && kw == 5 && si == 1 && count % 2 == 0 && down <= 127;
          if (plain && ((kh == 3 && kw == 3) || five) && far == 1 && PZ_PLANE_FITS(down, next, count, step, half)) {
            few[0] = (pz_u32)oo, few[1] = (pz_u32)(yo - count / (3 - si) * (3 - si) * step);
            few[2] = (pz_u32)bias, few[3] = (pz_u32)m, few[4] = (pz_u32)~shift;
            if (five)
              few[5] = (pz_u32)(uintptr_t)v, pz_plane_fives(p, to, few, count, down, next, step, folded, half);
            else if (si == 1)
              pz_plane_pairs(p, to, few, count, down, next, step, folded, half);
            else
              pz_plane_singles(p, to, few, count, down, next, step, folded, half);
            continue;
          }
#endif
          for (int o = 0; o < oo; ++o, p += so * wide, to += yo)
            pz_plane_outputs(p, to, count, si, phases * yi, down, far, kh, kw, v, bias, m, shift, q);
        }
      }
    }
}

#endif
