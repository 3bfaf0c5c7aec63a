/* Inner loops of the int8 convolution and fully connected kernels for processors with wide vectors: 16 output channels
   and several windows at a time.

   Packed form: blocks of 16 output channels, each one 16 biases for inputs as they are, 16 for inputs with the first bit
   turned over (int32), then for each run of a window (values that lie together) its values in fours, zeros behind the
   last: 4 weights of the first channel, 4 of the second ...; then 16 multipliers (int32) and 16 shifts (int8). Missing
   channels are zeros. For PZ_LINE and PZ_LINES (ops/_lines.py) biases are 256 times as large and hold where the lines
   start, and behind the weights are 16 multipliers; for PZ_LINES then 16 starts and 16 values to add below, all int32. Up to 3 bytes behind a run are read, and multiplied by zero. The packer is ops/_tile16.py.

   Forms, equal to the bit: AVX-512 with VNNI and AVX2, with VNNI or without (pz_x86.h; with VNNI, which multiplies
   unsigned by signed, inputs have the first bit turned over), NEON and WebAssembly's 128 bits (products of bytes, added
   by pairs), plain C. */
#ifndef PZ_TILE16_H
#define PZ_TILE16_H

#include "pz_x86.h"

/* Windows at a time: with the weights, as many registers as there are; `most` where a block is all there is. */
#if PZ_X86 == 512
#define PZ_TILE_WINDOWS 8
#define PZ_TILE_MOST 16
#define PZ_TILE_BLOCKS(windows) ((windows) == 1 ? 4 : 2)
#elif PZ_VNNI
#define PZ_TILE_WINDOWS 6
#define PZ_TILE_BLOCKS(windows) ((windows) == 1 ? 4 : 1)
#else
#define PZ_TILE_WINDOWS 2
#define PZ_TILE_BLOCKS(windows) 1
#endif
#ifndef PZ_TILE_MOST
#define PZ_TILE_MOST PZ_TILE_WINDOWS
#endif
#define PZ_TILE_COUNT(out_c) ((out_c) <= 16 ? PZ_TILE_MOST : PZ_TILE_WINDOWS)
#if PZ_UNROLLS
#define PZ_TILE_UNROLLED _Pragma("GCC unroll 16")
#else
#define PZ_TILE_UNROLLED
#endif
#define PZ_TILE_SHARED (PZ_X86 == 512 ? 15 : 1) /* pz_tile_shared is not more */
#define PZ_FLIP (PZ_VNNI ? 0x80 : 0) /* inputs in the working memory are x ^ PZ_FLIP */

/* Four sums from 16 products of bytes each: PZ_ADD_PRODUCTS adds to two vectors, PZ_PAIRS makes four sums of them. */
#if defined(__ARM_NEON) && defined(__aarch64__) && !defined(PZ_NO_SIMD)
#include <arm_neon.h>
#define PZ_BYTES 1
typedef int32x4_t pz_sum4;
#define PZ_ADD_PRODUCTS(s, a, w)                                                                    \
  do {                                                                                              \
    const int8x16_t u_ = vreinterpretq_s8_s32(vdupq_n_s32(a)), w_ = vld1q_s8((const int8_t *)(w));  \
    (s)[0] = vpadalq_s16((s)[0], vmull_s8(vget_low_s8(u_), vget_low_s8(w_)));                       \
    (s)[1] = vpadalq_s16((s)[1], vmull_high_s8(u_, w_));                                            \
  } while (0)
#define PZ_PAIRS(to, s) vst1q_s32((to), vpaddq_s32((s)[0], (s)[1]))
#elif defined(__wasm_simd128__) && !defined(PZ_NO_SIMD)
#include <wasm_simd128.h>
#define PZ_BYTES 1
typedef v128_t pz_sum4;
#define PZ_ADD_PRODUCTS(s, a, w)                                                                           \
  do {                                                                                                     \
    const v128_t u_ = wasm_i32x4_splat(a), w_ = wasm_v128_load(w);                                         \
    (s)[0] = wasm_i32x4_add((s)[0], wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_low_i8x16(u_, w_)));  \
    (s)[1] = wasm_i32x4_add((s)[1], wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extmul_high_i8x16(u_, w_))); \
  } while (0)
#define PZ_PAIRS(to, s)                                                                               \
  wasm_v128_store((to), wasm_i32x4_add(wasm_i32x4_shuffle((s)[0], (s)[1], 0, 2, 4, 6),                \
                                       wasm_i32x4_shuffle((s)[0], (s)[1], 1, 3, 5, 7)))
#else
#define PZ_BYTES 0
#endif

/* Words of a block's biases, of its weights, of its factors. */
#define PZ_TILE_BIAS 32
#define PZ_TILE_WEIGHTS(runs, fours) ((runs) * (fours) * 16)
#define PZ_TILE_PLAIN 20
#define PZ_TILE_FACTORS(q) ((q).form == PZ_LINE ? 16 : (q).form == PZ_LINES ? 48 : PZ_TILE_PLAIN)

/* How the windows lie: `runs` runs of `fours` times four values, `per_row` runs a row of the window; from run to run
   `run`, from row to row `row`, from window to window `window` bytes. */
typedef struct {
  int runs, fours, per_row, run, row, window;
} pz_tile_shape;

PZ_INLINE const pz_i8 *pz_tile_run(const pz_i8 *p, int r, const pz_tile_shape g) {
  return p + r / g.per_row * g.row + r % g.per_row * g.run;
}

#if !PZ_X86
/* The output of channel c from its sum of products, what it begins with, and the factors of 16 channels. */
PZ_INLINE pz_i8 pz_tile_output(int32_t sum, pz_u32 start, const pz_u32 *f, int c, const pz_out_args q) {
  const int32_t m = (int32_t)f[c];
  if (q.form == PZ_LINE || q.form == PZ_LINES) {
    int32_t x = (int32_t)((uint32_t)sum * 256 + start);
    if (q.form == PZ_LINES && x < (int32_t)f[16 + c]) x += (int32_t)f[32 + c];
    return (pz_i8)pz_clamp(pz_mul_high(x, m) >> q.zero, q.lo, q.hi);
  }
  const int32_t s = ((const pz_i8 *)(f + 16))[c], acc = sum + (int32_t)start;
  const int32_t h = q.form == PZ_ONCE || q.form == PZ_ONCE_DOWN ? pz_requant_once(acc, m, s) : pz_requant(acc, m, s);
  return (pz_i8)pz_clamp(h + q.zero, q.lo, q.hi);
}
#endif

#if PZ_X86
/* How many neighbouring windows share a value, all in the same row: then it is loaded once for them. 1 where they do not
   overlap so, or where registers are too few for the weights of all its places. */
PZ_INLINE int pz_tile_shared(int windows, int blocks, const pz_tile_shape g) {
  const int times = 4 * g.fours / g.window;
  const int fits = PZ_X86 == 512 && windows * blocks + times * blocks < 32;
  return fits && windows > 1 && g.per_row == 1 && g.window % 4 == 0 && times * g.window == 4 * g.fours ? times : 1;
}

/* Sums of `windows` windows with `blocks` (up to 4) blocks that lie `words` apart; v: the weights of the first. */
PZ_INLINE void pz_tile_sums(const pz_i8 *p, const pz_u32 *v, pz_sums16 acc[PZ_TILE_MOST][4], int windows, int blocks,
                            int words, const pz_tile_shape g) {
  const int shared = pz_tile_shared(windows, blocks, g), fours = g.fours / shared;
  PZ_TILE_UNROLLED
  for (int i = 0; i < windows; ++i) {
    PZ_UNROLLED
    for (int b = 0; b < blocks; ++b) acc[i][b] = pz_no_sums();
  }
  PZ_ROLLED
  for (int r = 0; r < g.runs; ++r, v += (shared - 1) * fours * 16) {
    const pz_i8 *from = pz_tile_run(p, r, g);
    PZ_ROLLED
    for (int k = 0; k < fours; ++k, from += 4, v += 16) {
      pz_sums16 u[PZ_TILE_SHARED][4];
      PZ_UNROLLED
      for (int j = 0; j < shared; ++j) {
        PZ_UNROLLED
        for (int b = 0; b < blocks; ++b) u[j][b] = pz_weights16(v + b * words + j * fours * 16);
      }
      PZ_EACH
      for (int i = 0; i < windows + shared - 1; ++i) {
        const pz_vec a = pz_four(from + i * g.window);
        PZ_UNROLLED
        for (int j = 0; j < shared; ++j) { /* of window i - j it is at place j */
          if (i < j || i - j >= windows) continue;
          PZ_UNROLLED
          for (int b = 0; b < blocks; ++b) pz_add_products(&acc[i - j][b], a, &u[j][b]);
        }
      }
    }
  }
}

/* `windows` windows with `blocks` blocks -> y, out_c channels a window, `left` of them from here on. */
PZ_INLINE void pz_tile(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int windows, int blocks, int left, int out_c,
                       const pz_tile_shape g, const pz_out_args q) {
  const int words = PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours) + PZ_TILE_FACTORS(q);
  pz_sums16 acc[PZ_TILE_MOST][4];
  pz_tile_sums(p, w + PZ_TILE_BIAS, acc, windows, blocks, words, g);
  PZ_UNROLLED
  for (int b = 0; b < blocks; ++b) {
    const pz_u32 *const v = w + b * words;
    const pz_ints16 bias = pz_load16(v + (PZ_FLIP ? 16 : 0));
    const pz_factors16 f = pz_load_factors(v + PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours), q);
    PZ_TILE_UNROLLED
    for (int i = 0; i < windows; ++i) {
      const pz_ints16 sum = pz_total16(&acc[i][b], bias, PZ_ON_LINES(q) ? 8 : 0);
      pz_store_bytes(y + i * out_c + 16 * b, pz_limit16(pz_requant16(sum, &f, q), q), left - 16 * b);
    }
  }
}
#else
/* Sums of two windows (or of one twice) with a block, without the biases. */
PZ_INLINE void pz_tile_sums(const pz_i8 *p, const pz_i8 *v, int32_t sums[2][16], int second, const pz_tile_shape g) {
#if PZ_BYTES
  pz_sum4 acc[2][4][2];
  __builtin_memset(acc, 0, sizeof acc);
  PZ_ROLLED
  for (int r = 0; r < g.runs; ++r) {
    const pz_i8 *a = pz_tile_run(p, r, g);
    PZ_ROLLED
    for (int k = 0; k < g.fours; ++k, a += 4, v += 64) {
      int32_t x, y;
      __builtin_memcpy(&x, a, 4);
      __builtin_memcpy(&y, a + second, 4);
      PZ_UNROLLED
      for (int j = 0; j < 4; ++j) {
        PZ_ADD_PRODUCTS(acc[0][j], x, v + 16 * j);
        if (second) PZ_ADD_PRODUCTS(acc[1][j], y, v + 16 * j);
      }
    }
  }
  PZ_UNROLLED
  for (int j = 0; j < 4; ++j) {
    PZ_PAIRS(&sums[0][4 * j], acc[0][j]);
    if (second) PZ_PAIRS(&sums[1][4 * j], acc[1][j]);
  }
#else
  for (int i = 0; i < 32; ++i) sums[i / 16][i % 16] = 0;
  for (int r = 0; r < g.runs; ++r) {
    const pz_i8 *a = pz_tile_run(p, r, g);
    for (int k = 0; k < g.fours; ++k, a += 4, v += 64)
      for (int c = 0; c < 16; ++c)
        for (int b = 0; b < 4; ++b) {
          sums[0][c] += a[b] * v[4 * c + b];
          sums[1][c] += a[second + b] * v[4 * c + b];
        }
  }
#endif
}

/* The same for one or two windows and a block. */
PZ_INLINE void pz_tile(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int windows, int blocks, int left, int out_c,
                       const pz_tile_shape g, const pz_out_args q) {
  const pz_u32 *const f = w + PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours);
  int32_t sums[2][16];
  (void)blocks;
  pz_tile_sums(p, (const pz_i8 *)(w + PZ_TILE_BIAS), sums, windows > 1 ? g.window : 0, g);
  PZ_ROLLED
  for (int i = 0; i < windows; ++i) {
    const int width = left < 16 ? left : 16;
    PZ_ROLLED
    for (int c = 0; c < width; ++c) {
      y[i * out_c + c] = pz_tile_output(sums[i][c], w[c], f, c, q);
    }
  }
}
#endif

/* `windows` windows with all channels. */
PZ_INLINE void pz_tile_row(const pz_i8 *p, const pz_u32 *w, pz_i8 *y, int windows, int out_c, const pz_tile_shape g,
                           const pz_out_args q) {
  const int words = PZ_TILE_BIAS + PZ_TILE_WEIGHTS(g.runs, g.fours) + PZ_TILE_FACTORS(q);
  const int most = PZ_TILE_BLOCKS(windows), all = (out_c + 15) / 16, whole = all / most * most;
  PZ_ROLLED
  for (int b = 0; b < whole; b += most) pz_tile(p, w + b * words, y + 16 * b, windows, most, out_c - 16 * b, out_c, g, q);
  if (all > whole)
    pz_tile(p, w + whole * words, y + 16 * whole, windows, all - whole, out_c - 16 * whole, out_c, g, q);
}

/* n values for the kernels; flip: PZ_FLIP where they want the first bit turned over, else 0. */
PZ_INLINE void pz_tile_copy(pz_i8 *PZ_RESTRICT to, const pz_i8 *PZ_RESTRICT from, int n, int flip) {
#if PZ_X86 == 512
  for (; n >= 64; n -= 64, to += 64, from += 64)
    _mm512_storeu_si512(to, _mm512_xor_si512(pz_v_load(from), _mm512_set1_epi8((char)flip)));
  if (n > 0) {
    const __mmask64 some = ~(__mmask64)0 >> (64 - n);
    _mm512_mask_storeu_epi8(to, some, _mm512_xor_si512(_mm512_maskz_loadu_epi8(some, from), _mm512_set1_epi8((char)flip)));
  }
#else
  for (int i = 0; i < n; ++i) to[i] = (pz_i8)(from[i] ^ (pz_i8)flip);
#endif
}

PZ_INLINE void pz_tile_fill(pz_i8 *to, int value, int n, int flip) {
  for (int i = 0; i < n; ++i) to[i] = (pz_i8)((pz_i8)value ^ (pz_i8)flip);
}

/* The input with its padding, ph rows of pw pixels of c values. */
PZ_INLINE void pz_tile_padded(const pz_i8 *x, pz_i8 *to, int h, int wd, int c, int pt, int pl, int ph, int pw, int zero,
                              int flip) {
  const int rows = ph - pt < h ? ph - pt : h, pixels = pw - pl < wd ? pw - pl : wd;
  if (pl == 0 && pw == wd && pt == 0 && ph <= h) {
    pz_tile_copy(to, x, ph * wd * c, flip);
    return;
  }
  pz_tile_fill(to, zero, pt * pw * c, flip);
  to += pt * pw * c;
  for (int r = 0; r < rows; ++r, x += wd * c, to += pw * c) {
    pz_tile_fill(to, zero, pl * c, flip);
    pz_tile_copy(to + pl * c, x, pixels * c, flip);
    pz_tile_fill(to + (pl + pixels) * c, zero, (pw - pl - pixels) * c, flip);
  }
  pz_tile_fill(to, zero, (ph - pt - rows) * pw * c, flip);
}

#endif
