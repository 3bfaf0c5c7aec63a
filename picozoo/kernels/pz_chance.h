/* Random words by counting: Threefry-2x32-13. Twin: ops/_chance.py; specification: docs/chance.md.
   State: key low, key high, counter low, counter high; block j of a call encrypts counter + j and gives two words. */
#ifndef PZ_CHANCE_H
#define PZ_CHANCE_H

#include "pz_math.h"

typedef struct {
  uint32_t key[2], count[2], word[2];
  int left; /* words of the block that are not used yet */
} pz_chance_t;

#define PZ_TURN(n) x += y, y = (y << (n) | y >> (32 - (n))) ^ x

/* Fill word[] from the counter, then count. */
static PZ_NOINLINE PZ_UNUSED void pz_chance_block(pz_chance_t *s) {
  const uint32_t a = s->key[0], b = s->key[1], c = UINT32_C(0x1BD11BDA) ^ a ^ b;
  uint32_t x = s->count[0] + a, y = s->count[1] + b;
  PZ_TURN(13), PZ_TURN(15), PZ_TURN(26), PZ_TURN(6);
  x += b, y += c + 1u;
  PZ_TURN(17), PZ_TURN(29), PZ_TURN(16), PZ_TURN(24);
  x += c, y += a + 2u;
  PZ_TURN(13), PZ_TURN(15), PZ_TURN(26), PZ_TURN(6);
  x += a, y += b + 3u;
  PZ_TURN(17);
  s->word[0] = x;
  s->word[1] = y;
  s->left = 2;
  if (++s->count[0] == 0u) ++s->count[1];
}

PZ_INLINE void pz_chance_open(pz_chance_t *s, const pz_i32 *state) {
  s->key[0] = (uint32_t)state[0];
  s->key[1] = (uint32_t)state[1];
  s->count[0] = (uint32_t)state[2];
  s->count[1] = (uint32_t)state[3];
  s->left = 0;
}

PZ_INLINE uint32_t pz_chance_word(pz_chance_t *s) {
  if (!s->left) pz_chance_block(s);
  return s->word[2 - s->left--];
}

/* The state after the words that were taken; `next` may be the state it was opened with. */
PZ_INLINE void pz_chance_close(const pz_chance_t *s, pz_i32 *next) {
  next[0] = (pz_i32)s->key[0];
  next[1] = (pz_i32)s->key[1];
  next[2] = (pz_i32)s->count[0];
  next[3] = (pz_i32)s->count[1];
}

/* v 2^-k for v below 2^24; exact. Cores without floats of their own put the bits together: a fifth of the time. */
PZ_INLINE float pz_chance_scaled(uint32_t v, uint32_t k) {
#if defined(__ARM_FP) || defined(__SSE2__) || defined(__aarch64__) || defined(__wasm__)
  return (float)(int32_t)v * pz_exp2i(-(int32_t)k);
#else
  if (!v) return 0.0f;
  uint32_t e = 150u - k;
  for (; v < UINT32_C(0x800000); v <<= 1) --e;
  return pz_bits_f32(e << 23 | (v & UINT32_C(0x7fffff)));
#endif
}

/* Multiple of 2^-24 from 0 to below 1; exact. */
PZ_INLINE float pz_chance_unit(uint32_t word) { return pz_chance_scaled(word >> 8, 24u); }

/* High half of a 64-bit product, from 16-bit halves: small cores multiply no wider. */
PZ_INLINE uint32_t pz_chance_high(uint32_t a, uint32_t b) {
  uint32_t al = a & 0xffffu, ah = a >> 16, bl = b & 0xffffu, bh = b >> 16;
  uint32_t m = ah * bl + ((al * bl) >> 16), n = al * bh + (m & 0xffffu);
  return ah * bh + (m >> 16) + (n >> 16);
}

#endif
