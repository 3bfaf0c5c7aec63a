/* Inner loops of the int8 convolution and fully connected kernels for cores whose only multiplier is 32 x 32 -> 32 bits
   (Cortex-M0+, RV32IM): one multiplication gives two products, in the halves of a word.

   For a signed w and a word a0 + a1 2^16, w times the word is w a0 + w a1 2^16 (mod 2^32). `span` such products are added
   before the halves are taken apart, `span` so chosen that no sum of that many leaves [-2^15, 2^15) whatever the input:
   128 times the sum of |w| is at most 32767 (ops/_mul32.py proves it for the layer's weights; 2 always holds). With 2^15
   added the low half has no borrow, so that an arithmetic shift gives the high half exactly. The totals T of the words
   (mod 2^32) and H of the high halves then give both sums: H, and T - H 2^16 - 2^15 for each time.

   Convolution: two windows share a word. Weights: for each pair of channels (a, b), for each two places k of the window,
   the bytes a[k], a[k+1], b[k], b[k+1]. Windows are rounded up to a multiple of `span`, with weights of zero.
   Fully connected: two channels share a word. Weights: for each four channels, for each k, a byte w + 128 each; channels
   0 and 2 are in the even bytes. The 128 is taken off before halves are taken apart, by what each sum starts with. */
#ifndef PZ_MUL32_H
#define PZ_MUL32_H

#include "pz_dot.h"

#if (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)) && defined(__GNUC__) && !defined(PZ_NO_ASM)
#define PZ_MUL32_ASM 1
#else
#define PZ_MUL32_ASM 0
#endif

/* What the loops give: totals of words and of high halves, for two words. */
typedef struct {
  int32_t t0, h0, t1, h1;
} pz_halves;

#if PZ_MUL32_ASM
/* Whole functions in assembly: they need all low registers, which a compiler with a frame pointer does not give.
   r0: activations, r1: weights, r2: end of the activations, r3: result; returns the weights behind those used. */
#define PZ_MUL32_FUNCTION(name, setup, body)                                                                            \
  static PZ_NOINLINE __attribute__((naked, unused)) const pz_u32 *name(                                                 \
      const pz_u32 *p PZ_UNUSED, const pz_u32 *w PZ_UNUSED, const pz_u32 *end PZ_UNUSED, pz_halves *result PZ_UNUSED) {  \
    __asm__ volatile(                                                                                                   \
        ".syntax unified\n"                                                                                             \
        "push {r3-r7, lr}\n"                                                                                            \
        "mov r4, r8\n"                                                                                                  \
        "mov r5, r9\n"                                                                                                  \
        "mov r6, r10\n"                                                                                                 \
        "mov r7, r11\n"                                                                                                 \
        "push {r4-r7}\n"                                                                                                \
        "mov lr, r2\n"                                                                                                  \
        "movs r2, #0\n"                                                                                                 \
        "mov r9, r2\n"                                                                                                  \
        "mov r10, r2\n"                                                                                                 \
        "mov r11, r2\n"                                                                                                 \
        "mov r12, r2\n" setup                                                                                           \
        "1:\n" body                                                                                                     \
        "cmp r0, lr\n"                                                                                                  \
        "bne 1b\n"                                                                                                      \
        "ldr r3, [sp, #16]\n"                                                                                           \
        "mov r4, r9\n"                                                                                                  \
        "mov r5, r10\n"                                                                                                 \
        "mov r6, r11\n"                                                                                                 \
        "mov r7, r12\n"                                                                                                 \
        "stm r3!, {r4-r7}\n"                                                                                            \
        "mov r0, r1\n"                                                                                                  \
        "pop {r4-r7}\n"                                                                                                 \
        "mov r8, r4\n"                                                                                                  \
        "mov r9, r5\n"                                                                                                  \
        "mov r10, r6\n"                                                                                                 \
        "mov r11, r7\n"                                                                                                 \
        "pop {r3-r7, pc}\n");                                                                                           \
  }

/* Sums in r6 and r7, r4: four weights, r2 and r3: two words of activations. */
#define PZ_MUL32_FIRST     \
  "ldm r0!, {r2, r3}\n"    \
  "ldm r1!, {r4}\n"        \
  "sxtb r6, r4\n"          \
  "muls r6, r2\n"          \
  "asrs r4, r4, #8\n"      \
  "sxtb r5, r4\n"          \
  "muls r5, r3\n"          \
  "adds r6, r6, r5\n"      \
  "asrs r4, r4, #8\n"      \
  "sxtb r7, r4\n"          \
  "muls r7, r2\n"          \
  "asrs r4, r4, #8\n"      \
  "muls r4, r3\n"          \
  "adds r7, r7, r4\n"
#define PZ_MUL32_NEXT      \
  "ldm r0!, {r2, r3}\n"    \
  "ldm r1!, {r4}\n"        \
  "sxtb r5, r4\n"          \
  "muls r5, r2\n"          \
  "adds r6, r6, r5\n"      \
  "asrs r4, r4, #8\n"      \
  "sxtb r5, r4\n"          \
  "muls r5, r3\n"          \
  "adds r6, r6, r5\n"      \
  "asrs r4, r4, #8\n"      \
  "sxtb r5, r4\n"          \
  "muls r5, r2\n"          \
  "adds r7, r7, r5\n"      \
  "asrs r4, r4, #8\n"      \
  "muls r4, r3\n"          \
  "adds r7, r7, r4\n"
#define PZ_MUL32_SPLIT     \
  "add r6, r8\n"           \
  "add r9, r6\n"           \
  "asrs r6, r6, #16\n"     \
  "add r10, r6\n"          \
  "add r7, r8\n"           \
  "add r11, r7\n"          \
  "asrs r7, r7, #16\n"     \
  "add r12, r7\n"
#define PZ_MUL32_HALF      \
  "movs r2, #128\n"        \
  "lsls r2, r2, #8\n"      \
  "mov r8, r2\n"
PZ_MUL32_FUNCTION(pz_conv_halves2, PZ_MUL32_HALF, PZ_MUL32_FIRST PZ_MUL32_SPLIT)
PZ_MUL32_FUNCTION(pz_conv_halves4, PZ_MUL32_HALF, PZ_MUL32_FIRST PZ_MUL32_NEXT PZ_MUL32_SPLIT)
PZ_MUL32_FUNCTION(pz_conv_halves6, PZ_MUL32_HALF, PZ_MUL32_FIRST PZ_MUL32_NEXT PZ_MUL32_NEXT PZ_MUL32_SPLIT)
PZ_MUL32_FUNCTION(pz_conv_halves8, PZ_MUL32_HALF, PZ_MUL32_FIRST PZ_MUL32_NEXT PZ_MUL32_NEXT PZ_MUL32_NEXT PZ_MUL32_SPLIT)

/* Sums in r2 and r7, r3: activations, `x`: the one to use; r8: 0x00ff00ff. */
#define PZ_MUL32_FOUR(x)   \
  "ldm r1!, {r4}\n"        \
  "mov r5, r8\n"           \
  "ands r5, r4\n"          \
  "subs r4, r4, r5\n"      \
  "lsrs r4, r4, #8\n"      \
  "muls r5, " x "\n"       \
  "adds r2, r2, r5\n"      \
  "muls r4, " x "\n"       \
  "adds r7, r7, r4\n"
#define PZ_MUL32_BYTE "sxtb r6, r3\n" PZ_MUL32_FOUR("r6") "asrs r3, r3, #8\n"
#define PZ_MUL32_BYTES PZ_MUL32_BYTE PZ_MUL32_BYTE PZ_MUL32_BYTE PZ_MUL32_FOUR("r3")
#define PZ_MUL32_START     \
  "ldm r0!, {r2, r3}\n"    \
  "mov r7, r2\n"
#define PZ_MUL32_PART      \
  "add r9, r2\n"           \
  "asrs r2, r2, #16\n"     \
  "add r10, r2\n"          \
  "add r11, r7\n"          \
  "asrs r7, r7, #16\n"     \
  "add r12, r7\n"
#define PZ_MUL32_MASK      \
  "movs r2, #255\n"        \
  "lsls r4, r2, #16\n"     \
  "adds r2, r2, r4\n"      \
  "mov r8, r2\n"
PZ_MUL32_FUNCTION(pz_row_halves4, PZ_MUL32_MASK, PZ_MUL32_START PZ_MUL32_BYTES PZ_MUL32_PART)
PZ_MUL32_FUNCTION(pz_row_halves8, PZ_MUL32_MASK,
                  PZ_MUL32_START PZ_MUL32_BYTES "ldm r0!, {r3}\n" PZ_MUL32_BYTES PZ_MUL32_PART)
#endif

PZ_INLINE int32_t pz_high_half(uint32_t word) { return (int32_t)word >> 16; }
PZ_INLINE int32_t pz_byte_at(uint32_t word, int i) { return (int32_t)(int8_t)(uint8_t)((word >> (8 * i)) & 0xffu); }

/* Two windows (p: n words) with a pair of channels; returns the weights behind the pair's. span: 2, 4, 6 or 8. */
PZ_INLINE const pz_u32 *pz_conv_halves(const pz_u32 *p, const pz_u32 *w, int n, int span, pz_halves *r) {
#if PZ_MUL32_ASM
  return span == 8   ? pz_conv_halves8(p, w, p + n, r)
         : span == 6 ? pz_conv_halves6(p, w, p + n, r)
         : span == 4 ? pz_conv_halves4(p, w, p + n, r)
                     : pz_conv_halves2(p, w, p + n, r);
#else
  uint32_t t0 = 0, t1 = 0, h0 = 0, h1 = 0;
  for (int k = 0; k < n; k += span) {
    uint32_t s = 0x8000u, u = 0x8000u;
    PZ_UNROLLED
    for (int i = 0; i < span; i += 2, p += 2, ++w) {
      const pz_i8 *v = (const pz_i8 *)w;
      s += (uint32_t)v[0] * p[0] + (uint32_t)v[1] * p[1];
      u += (uint32_t)v[2] * p[0] + (uint32_t)v[3] * p[1];
    }
    t0 += s;
    h0 += (uint32_t)pz_high_half(s);
    t1 += u;
    h1 += (uint32_t)pz_high_half(u);
  }
  r->t0 = (int32_t)t0, r->h0 = (int32_t)h0, r->t1 = (int32_t)t1, r->h1 = (int32_t)h1;
  return w;
#endif
}

/* A row of activations as pz_row_stream makes it, up to `end`, with four channels; returns the weights behind.
   span: 4 or 8. */
PZ_INLINE const pz_u32 *pz_row_halves(const pz_u32 *p, const pz_u32 *end, const pz_u32 *w, int span, pz_halves *r) {
#if PZ_MUL32_ASM
  return span == 8 ? pz_row_halves8(p, w, end, r) : pz_row_halves4(p, w, end, r);
#else
  uint32_t t0 = 0, t1 = 0, h0 = 0, h1 = 0;
  while (p != end) {
    uint32_t s = *p++, u = s;
    PZ_UNROLLED
    for (int i = 0; i < span; ++i, ++w) {
      const uint32_t a = (uint32_t)pz_byte_at(p[i / 4], i % 4), even = *w & 0x00ff00ffu;
      s += even * a;
      u += ((*w - even) >> 8) * a;
    }
    p += span / 4;
    t0 += s;
    h0 += (uint32_t)pz_high_half(s);
    t1 += u;
    h1 += (uint32_t)pz_high_half(u);
  }
  r->t0 = (int32_t)t0, r->h0 = (int32_t)h0, r->t1 = (int32_t)t1, r->h1 = (int32_t)h1;
  return w;
#endif
}

/* The sum in the low halves, from the totals and how often halves were taken apart. */
PZ_INLINE int32_t pz_low_sum(int32_t t, int32_t h, int times) {
  return (int32_t)((uint32_t)t - ((uint32_t)h << 16) - ((uint32_t)times << 15));
}

/* Words of a row of k activations as pz_row_stream makes it. */
#define PZ_STREAM_WORDS(k, span) (((k) + (span) - 1) / (span) * (1 + (span) / 4))

/* Activations in parts of `span`: a word to start with, then their bytes. */
PZ_INLINE void pz_row_stream(const pz_i8 *x, pz_u32 *to, int k, int span) {
  PZ_ROLLED
  for (int i = 0; i < k; i += span) {
    pz_u32 *const start = to++;
    int32_t sum = 0;
    PZ_ROLLED
    for (int j = 0; j < span; j += 4) {
      uint32_t word = 0;
      PZ_ROLLED
      for (int b = 0; b < 4; ++b) {
        const int at = i + j + b;
        const int32_t v = at < k ? x[at] : 0;
        sum += v;
        word |= ((uint32_t)v & 0xffu) << (8 * b);
      }
      *to++ = word;
    }
    *start = 0x8000u - 128u * 65537u * (uint32_t)sum;
  }
}

#endif
