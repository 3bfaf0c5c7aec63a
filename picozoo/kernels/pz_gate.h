/* Functions that recurrent layers put their sums through, in float and in fixed point. Twin: ops/_gate.py. */
#ifndef PZ_GATE_H
#define PZ_GATE_H

#include "pz_lstm_cell.h"

PZ_INLINE float pz_gatef(float x, int number, float a, float b) {
  switch (number) {
    case 0: return pz_tanhf(x);
    case 1: return x > 0.0f ? x : 0.0f;
    case 2: return pz_sigmoidf(x);
    case 3: return a * x + b;
    case 4: return x > 0.0f ? x : a * x;
    case 5: return x > a ? x : 0.0f;
    case 6: return a * pz_tanhf(b * x);
    case 7: x = a * x + b; return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
    case 8: return x > 0.0f ? x : a * (pz_expf(x) - 1.0f);
    case 9: return x / (1.0f + pz_fabsf(x));
    default: return (x > 0.0f ? x : 0.0f) + pz_logf(1.0f + pz_expf(-pz_fabsf(x)));
  }
}

/* A function of int16 sums with `bits` fraction bits, limited to +-clip unless that is 0; values have `out` of them.
   number: 0 tanh, 1 relu, 2 sigmoid, 3 two lines that meet at `place`, 4 a table of 257 values 2^shift apart that goes on
   beyond both ends (place: bits to shift left first), 5 softsign. down: bits that 0, 2 and 5 lose of their 15. squash: see
   pz_lstm_cell.h. */
typedef struct {
  const uint16_t PZ_FLASH *squash;
  const pz_i16 PZ_FLASH *values;
  int number, bits, out, down;
  int32_t clip, below, above;
  int shift;
  int32_t place, more, least, most;
} pz_gate_args;

/* An int16 value with `from` fraction bits, now with `to` of them. */
PZ_INLINE int32_t pz_rescale(int32_t x, int from, int to) {
  if (from >= to) return pz_round_shift(x, from - to);
  return pz_clamp(x * ((int32_t)1 << (to - from)), -32768, 32767);
}

PZ_INLINE int32_t pz_gate(int32_t x, const pz_gate_args g) {
  if (g.clip) x = pz_clamp(x, -g.clip, g.clip);
  if (g.number == 1) return x > 0 ? x : 0;
  if (g.number == 3) {
    const int32_t y = x * (x > g.place ? g.above : g.below) + ((int32_t)1 << (g.shift - 1));
    return pz_clamp((y >> g.shift) + g.more, g.least, g.most);
  }
  if (g.number == 4) {
    if (g.place) x = pz_clamp(x * ((int32_t)1 << g.place), -32768, 32767);
    const int32_t at = pz_clamp(x >> g.shift, -128, 127), low = g.values[at + 128];
    const int32_t part = (g.values[at + 129] - low) * (x - at * ((int32_t)1 << g.shift)) + ((int32_t)1 << (g.shift - 1));
    return pz_clamp(low + (part >> g.shift), -32768, 32767);
  }
  if (g.number == 5) {
    const int32_t size = x < 0 ? -x : x, under = ((int32_t)1 << g.bits) + size;
    const int32_t y = (size * 32768 + (under >> 1)) / under;
    return pz_round_shift(x < 0 ? -y : y, g.down);
  }
  x = pz_rescale(x, g.bits, 12);
  return pz_round_shift(g.number == 0 ? pz_tanh_q15(x, g.squash) : pz_sigmoid_q15(x, g.squash), g.down);
}

#endif
