/* int8 fully connected layer for cores with a 32-bit multiplier only; packed weights as in pz_mul32.h.
   stream: PZ_STREAM_WORDS(k, span) words. parts: in how many parts the weights of each four channels are, NULL if in one.
   q.bias holds bias - zero point of x * sum of weights. Twin: ops/linear.py. */
#ifndef PZ_LINEAR_MUL32_H
#define PZ_LINEAR_MUL32_H

#include "pz_mul32.h"

PZ_KERNEL void pz_linear_i8_mul32(const pz_i8 *x, const pz_u32 *w, const pz_i8 *parts, pz_i8 *y, pz_u32 *stream,
                                  int rows, int k, int out, int span, const pz_requant_args q) {
  const pz_u32 *const end = stream + PZ_STREAM_WORDS(k, span);
  const int times = (k + span - 1) / span;
  for (int r = 0; r < rows; ++r, x += k, y += out) {
    const pz_u32 *v = w;
    pz_row_stream(x, stream, k, span);
    PZ_ROLLED
    for (int o = 0; o < out; o += 4) {
      int32_t sums[4] = {0, 0, 0, 0};
      PZ_ROLLED
      for (int n = parts ? parts[o / 4] : 1; n > 0; --n) {
        pz_halves s;
        v = pz_row_halves(stream, end, v, span, &s);
        sums[0] += pz_low_sum(s.t0, s.h0, times);
        sums[1] += pz_low_sum(s.t1, s.h1, times);
        sums[2] += s.h0;
        sums[3] += s.h1;
      }
      PZ_ROLLED
      for (int i = 0; i < 4 && (out % 4 == 0 || o + i < out); ++i) y[o + i] = pz_finish(sums[i] + q.bias[o + i], o + i, q);
    }
  }
}

#endif
