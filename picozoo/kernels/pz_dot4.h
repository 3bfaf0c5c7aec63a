/* int8 convolution and fully connected layers whose weights have four or two bits in flash, unpacked in the loop.

   Paired form (cores with DSP instructions, the same in plain C elsewhere): the words of pz_dot.h, 8 / bits of them in
   one: byte j of packed word i holds byte j of word 0 in its lowest bits, of word 1 above, and so on. Shifting left and
   masking leaves a value in the upper bits of each byte, so SXTB16 gives it times 2^(8 - bits); the sum is shifted back
   at the end, which is exact. Plain form: value i of a row in byte i bits / 8, lowest bits first, rows padded to a byte.
   Both give the bits of the int8 kernels with the same weights.

   In groups: a group is `size` places of a window (0: no groups), whose sum is multiplied by a factor of one byte. Paired
   form: factors of the first group of channels a and b, then of the second. Plain form: a channel's factors in order; rows
   of windows and weights are padded to the places of the paired form. The packer is ops/_narrow.py. */
#ifndef PZ_DOT4_H
#define PZ_DOT4_H

#include "pz_conv2d.h"

#define PZ_NARROW_MASK(bits) ((bits) == 4 ? 0xf0f0f0f0u : 0xc0c0c0c0u)

#if PZ_ASM
/* Four values of two channels with two patches. `in`: how far the packed words are shifted; their masked form in t. */
#define PZ_NARROW_PART(u, a, b, in, turn)                                                                              \
  "and %[t], %[m], " u in "\n"                                                                                         \
  "sxtb16 %[t], %[t]" turn "\n"                                                                                        \
  "smlad " a ", %[t], r4, " a "\n"                                                                                     \
  "smlad " b ", %[t], r5, " b "\n"
#define PZ_NARROW_STEP(in)                                                                                             \
  "ldrd r4, r5, [%[p]], #8\n" PZ_NARROW_PART("%[u]", "%[a]", "%[b]", in, "")                                           \
      PZ_NARROW_PART("%[x]", "%[c]", "%[d]", in, "") "ldrd r4, r5, [%[p]], #8\n"                                       \
          PZ_NARROW_PART("%[u]", "%[a]", "%[b]", in, ", ror #8") PZ_NARROW_PART("%[x]", "%[c]", "%[d]", in, ", ror #8")
#define PZ_NARROW_LOOP(steps)                                                                                          \
  __asm__ volatile("1:\n"                                                                                              \
                   "ldrd %[u], %[x], [%[w]], #8\n" steps                                                               \
                   "subs %[n], %[n], #1\n"                                                                             \
                   "bne 1b\n"                                                                                          \
                   : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [p] "+r"(p), [w] "+r"(w), [n] "+r"(n),          \
                     [u] "=&r"(u), [x] "=&r"(x), [t] "=&r"(t)                                                          \
                   : [m] "r"(m)                                                                                        \
                   : "r4", "r5", "cc", "memory")
/* The same with one patch. */
#define PZ_NARROW_PART1(u, a, in)                                                                                      \
  "and %[t], %[m], " u in "\n"                                                                                         \
  "sxtb16 %[s], %[t]\n"                                                                                                \
  "smlad " a ", %[s], r4, " a "\n"                                                                                     \
  "sxtb16 %[t], %[t], ror #8\n"                                                                                        \
  "smlad " a ", %[t], r5, " a "\n"
#define PZ_NARROW_STEP1(in)                                                                                            \
  "ldrd r4, r5, [%[p]], #8\n" PZ_NARROW_PART1("%[u]", "%[a]", in) PZ_NARROW_PART1("%[x]", "%[b]", in)
#define PZ_NARROW_LOOP1(steps)                                                                                         \
  __asm__ volatile("1:\n"                                                                                              \
                   "ldrd %[u], %[x], [%[w]], #8\n" steps                                                               \
                   "subs %[n], %[n], #1\n"                                                                             \
                   "bne 1b\n"                                                                                          \
                   : [a] "+r"(a), [b] "+r"(b), [p] "+r"(p), [w] "+r"(w), [n] "+r"(n), [u] "=&r"(u), [x] "=&r"(x),        \
                     [t] "=&r"(t), [s] "=&r"(s)                                                                        \
                   : [m] "r"(m)                                                                                        \
                   : "r4", "r5", "cc", "memory")
#define PZ_NARROW_4(step) step(", lsl #4") step("")
#define PZ_NARROW_2(step) step(", lsl #6") step(", lsl #4") step(", lsl #2") step("")
#define PZ_NARROW_HALF(step) step(", lsl #6") step(", lsl #4")
#endif

/* Sums of two patches with two channels, n groups of four words a patch, times 2^(8 - bits); sums[0], sums[1]: the
   first channel with each patch. */
PZ_INLINE void pz_mac_2x2_narrow(const pz_u32 *p, const pz_u32 *w, int n, int bits, int32_t *sums) {
  const uint32_t m = PZ_NARROW_MASK(bits);
  int32_t a = 0, b = 0, c = 0, d = 0;
#if PZ_ASM
  uint32_t u, x, t;
  const int odd = bits == 2 && (n & 1);
  if (bits == 4) {
    PZ_NARROW_LOOP(PZ_NARROW_4(PZ_NARROW_STEP));
  } else {
    if (n > 1) {
      n /= 2;
      PZ_NARROW_LOOP(PZ_NARROW_2(PZ_NARROW_STEP));
    }
    if (odd) {
      n = 1;
      PZ_NARROW_LOOP(PZ_NARROW_HALF(PZ_NARROW_STEP));
    }
  }
#else
  for (int i = 0; i < 2 * n; ++i, p += 4) {
    const int in = i % (8 / bits), left = 8 - bits * (in + 1);
    const uint32_t u = w[0] << left & m, x = w[1] << left & m;
    a = pz_smlad(pz_sxtb16_ror8(u), p[2], pz_smlad(pz_sxtb16(u), p[0], a));
    b = pz_smlad(pz_sxtb16_ror8(u), p[3], pz_smlad(pz_sxtb16(u), p[1], b));
    c = pz_smlad(pz_sxtb16_ror8(x), p[2], pz_smlad(pz_sxtb16(x), p[0], c));
    d = pz_smlad(pz_sxtb16_ror8(x), p[3], pz_smlad(pz_sxtb16(x), p[1], d));
    if (left == 0) w += 2;
  }
#endif
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/* The same with one patch. */
PZ_INLINE void pz_mac_1x2_narrow(const pz_u32 *p, const pz_u32 *w, int n, int bits, int32_t *sums) {
  const uint32_t m = PZ_NARROW_MASK(bits);
  int32_t a = 0, b = 0;
#if PZ_ASM
  uint32_t u, x, t, s;
  const int odd = bits == 2 && (n & 1);
  if (bits == 4) {
    PZ_NARROW_LOOP1(PZ_NARROW_4(PZ_NARROW_STEP1));
  } else {
    if (n > 1) {
      n /= 2;
      PZ_NARROW_LOOP1(PZ_NARROW_2(PZ_NARROW_STEP1));
    }
    if (odd) {
      n = 1;
      PZ_NARROW_LOOP1(PZ_NARROW_HALF(PZ_NARROW_STEP1));
    }
  }
#else
  for (int i = 0; i < 2 * n; ++i, p += 2) {
    const int in = i % (8 / bits), left = 8 - bits * (in + 1);
    const uint32_t u = w[0] << left & m, x = w[1] << left & m;
    a = pz_smlad(pz_sxtb16_ror8(u), p[1], pz_smlad(pz_sxtb16(u), p[0], a));
    b = pz_smlad(pz_sxtb16_ror8(x), p[1], pz_smlad(pz_sxtb16(x), p[0], b));
    if (left == 0) w += 2;
  }
#endif
  sums[0] = a;
  sums[1] = b;
}

/* Words of packed weights for a pair of channels. */
#define PZ_NARROW_WORDS(n, bits) (2 * ((2 * (n) * (bits) + 7) / 8))

/* Sums of two channels with two patches (`two`) or with one, times 2^(8 - bits). */
PZ_INLINE void pz_group_narrow(const pz_u32 *p, const pz_u32 *w, int n, int two, int bits, int32_t *s) {
  if (two)
    pz_mac_2x2_narrow(p, w, n, bits, s);
  else
    pz_mac_1x2_narrow(p, w, n, bits, s);
}

/* The same, or with groups the sums themselves: each group's times its factor. */
PZ_INLINE void pz_sums_narrow(const pz_u32 *p, const pz_u32 *w, const pz_u8 *factors, int size, int n, int two, int bits,
                              int32_t *s) {
  if (size == 0) {
    pz_group_narrow(p, w, n, two, bits, s);
    return;
  }
  const int each = size / 8, last = n % each, half = two ? 2 : 1;
  int32_t t[4];
  for (int i = 0; i < 2 * half; ++i) s[i] = 0;
  PZ_ROLLED
  for (int g = 0; g < n / each; ++g, p += 4 * half * each, w += PZ_NARROW_WORDS(each, bits), factors += 2) {
    pz_group_narrow(p, w, each, two, bits, t);
    for (int i = 0; i < 2 * half; ++i) s[i] += (t[i] >> (8 - bits)) * factors[i / half];
  }
  if (last) {
    pz_group_narrow(p, w, last, two, bits, t);
    for (int i = 0; i < 2 * half; ++i) s[i] += (t[i] >> (8 - bits)) * factors[i / half];
  }
}

/* Factors of a pair of channels. */
#define PZ_NARROW_FACTORS(n, size) ((size) ? 2 * ((8 * (n) + (size) - 1) / (size)) : 0)

PZ_INLINE void pz_dot_pair2_narrow(const pz_u32 *p, const pz_u32 *w, const pz_u8 *factors, int size, pz_i8 *y0, pz_i8 *y1,
                                   int n, int out_c, int bits, const pz_requant_args q) {
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 2, w += PZ_NARROW_WORDS(n, bits), factors += PZ_NARROW_FACTORS(n, size)) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c, down = size ? 0 : 8 - bits;
    int32_t s[4];
    pz_sums_narrow(p, w, factors, size, n, 1, bits, s);
    y1[o] = pz_finish((s[1] >> down) + q.bias[o], o, q); /* where y0 is y1, the first patch counts */
    y0[o] = pz_finish((s[0] >> down) + q.bias[o], o, q);
    if (two) {
      y1[o + 1] = pz_finish((s[3] >> down) + q.bias[o + 1], o + 1, q);
      y0[o + 1] = pz_finish((s[2] >> down) + q.bias[o + 1], o + 1, q);
    }
  }
}

PZ_INLINE void pz_dot_pair1_narrow(const pz_u32 *p, const pz_u32 *w, const pz_u8 *factors, int size, pz_i8 *y, int n,
                                   int out_c, int bits, const pz_requant_args q) {
  PZ_ROLLED
  for (int o = 0; o < out_c; o += 2, w += PZ_NARROW_WORDS(n, bits), factors += PZ_NARROW_FACTORS(n, size)) {
    const int two = (out_c & 1) == 0 || o + 1 < out_c, down = size ? 0 : 8 - bits;
    int32_t s[2];
    pz_sums_narrow(p, w, factors, size, n, 0, bits, s);
    y[o] = pz_finish((s[0] >> down) + q.bias[o], o, q);
    if (two) y[o + 1] = pz_finish((s[1] >> down) + q.bias[o + 1], o + 1, q);
  }
}

/* `sum` and n values times weights, whose bytes begin at *w, which moves behind them. */
PZ_INLINE int32_t pz_part_narrow(const pz_i8 *x, const pz_u8 PZ_FLASH **w, int n, int bits, int32_t sum) {
  const int per = 8 / bits;
  const pz_u8 PZ_FLASH *v = *w;
  for (int i = 0; i < n; i += per) {
    const uint32_t b = *v++;
    for (int j = 0; j < per && i + j < n; ++j) sum += x[i + j] * ((int32_t)(b << (32 - bits * (j + 1))) >> (32 - bits));
  }
  *w = v;
  return sum;
}

/* Plain form: one patch x[k], rows of packed weights -> y[o]. */
PZ_INLINE void pz_dot_plain_narrow(const pz_i8 *x, const pz_u8 PZ_FLASH *w, const pz_u8 PZ_FLASH *factors, int size, pz_i8 *y,
                                   int k, int out_c, int bits, const pz_requant_args q) {
  for (int o = 0; o < out_c; ++o) {
    int32_t acc = q.bias[o];
    if (size == 0) {
      acc = pz_part_narrow(x, &w, k, bits, acc);
    } else {
      PZ_ROLLED
      for (int i = 0; i + size <= k; i += size) acc += pz_part_narrow(x + i, &w, size, bits, 0) * *factors++;
      if (k % size) acc += pz_part_narrow(x + k / size * size, &w, k % size, bits, 0) * *factors++;
    }
    y[o] = pz_finish(acc, o, q);
  }
}

/* As pz_conv2d_i8. */
PZ_KERNEL void pz_conv2d_i8_narrow(const pz_i8 *x, const pz_u8 PZ_FLASH *w, const pz_u8 PZ_FLASH *factors, int size, pz_i8 *y,
                                   pz_i8 *patch, int n, int h, int wd, int c, int oh, int ow, int o, int kh, int kw, int sh,
                                   int sw, int pt, int pl, int dh, int dw, int zero, int bits, const pz_requant_args q) {
  const int row = size ? 2 * PZ_ROW_WORDS(kw * c) : kw * c;
  for (int b = 0; b < n; ++b, x += h * wd * c)
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox, y += o) {
        if (row == kw * c)
          pz_patch(x, patch, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero);
        else
          for (int k = 0; k < kh; ++k)
            pz_patch(x, patch + k * row, h, wd, c, 1, kw, oy * sh - pt + k * dh, ox * sw - pl, dh, dw, zero);
        pz_dot_plain_narrow(patch, w, factors, size, y, kh * row, o, bits, q);
      }
}

/* As pz_linear_i8. */
PZ_KERNEL void pz_linear_i8_narrow(const pz_i8 *x, const pz_u8 PZ_FLASH *w, const pz_u8 PZ_FLASH *factors, int size, pz_i8 *y,
                                   int rows, int k, int out, int bits, const pz_requant_args q) {
  for (int r = 0; r < rows; ++r) pz_dot_plain_narrow(x + r * k, w, factors, size, y + r * out, k, out, bits, q);
}

#if !defined(__AVR__)
/* As pz_conv2d_i8_pair. */
PZ_KERNEL void pz_conv2d_i8_narrow_pair(const pz_i8 *x, const pz_u32 *w, const pz_u8 *factors, int size, pz_i8 *y,
                                        pz_u32 *patch, int n, int h, int wd, int c, int oh, int ow, int o, int kh, int kw, int sh, int sw, int pt, int pl, int dh, int dw,
                                        int zero, int bits, const pz_requant_args q) {
  const int groups = PZ_PATCH_GROUPS(kh, kw * c), all = oh * ow;
  pz_i8 *const row = (pz_i8 *)(patch + groups * 8);
  const int windows = 2 * kh * PZ_ROW_WORDS(kw * c);
  pz_clear_words(patch + windows, groups * 8 - windows); /* what no window writes */
  for (int b = 0; b < n; ++b, x += h * wd * c) {
    int filled = 0;
    for (int oy = 0; oy < oh; ++oy)
      for (int ox = 0; ox < ow; ++ox) {
        pz_patch_words(x, patch + filled, row, 2, h, wd, c, kh, kw, oy * sh - pt, ox * sw - pl, dh, dw, zero, 0);
        filled ^= 1;
        if (!filled) {
          pz_dot_pair2_narrow(patch, w, factors, size, y, y + o, groups, o, bits, q);
          y += 2 * o;
        }
      }
    if (all & 1) { /* an odd number of windows: the last one is computed twice, into the same place */
      pz_dot_pair2_narrow(patch, w, factors, size, y, y, groups, o, bits, q);
      y += o;
    }
  }
}

/* As pz_linear_i8_pair. */
PZ_KERNEL void pz_linear_i8_narrow_pair(const pz_i8 *x, const pz_u32 *w, const pz_u8 *factors, int size, pz_i8 *y,
                                        pz_u32 *patch, int rows, int k, int out, int bits, const pz_requant_args q) {
  const int n = PZ_PATCH_GROUPS(1, k);
  pz_clear_words(patch + PZ_ROW_WORDS(k), n * 4 - PZ_ROW_WORDS(k));
  for (int r = 0; r < rows; ++r) {
    pz_widen(x + r * k, patch, k, 1);
    pz_dot_pair1_narrow(patch, w, factors, size, y + r * out, n, out, bits, q);
  }
}
#endif

#endif
