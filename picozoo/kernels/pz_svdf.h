/* One step of a low-rank layer. x: [n][k], wf: [filters][k], wt: [filters][memory], state: [n][filters][memory], oldest
   first, y: [n][filters / rank]. out may be state. Twin: ops/svdf.py. */
#ifndef PZ_SVDF_H
#define PZ_SVDF_H

#include "pz_fixed.h"

PZ_KERNEL void pz_svdf_f32(const pz_f32 *x, const pz_f32 PZ_FLASH *wf, const pz_f32 PZ_FLASH *wt, const pz_f32 PZ_FLASH *bias,
                           const pz_f32 *state, pz_f32 *y, pz_f32 *out, int n, int k, int filters, int memory, int rank) {
  for (int b = 0; b < n; ++b, x += k)
    for (int u = 0; u < filters / rank; ++u) {
      float total = 0.0f;
      for (int r = 0; r < rank; ++r, state += memory, out += memory) {
        const int f = u * rank + r;
        float s = 0.0f, t = 0.0f;
        for (int i = 0; i < k; ++i) s += x[i] * wf[f * k + i];
        for (int i = 0; i + 1 < memory; ++i) out[i] = state[i + 1];
        out[memory - 1] = s;
        for (int i = 0; i < memory; ++i) t += wt[f * memory + i] * out[i];
        total += t;
      }
      *y++ = total + bias[u];
    }
}

/* m1, s1: from x * wf to the state; m2, s2: from the state * wt to y. */
#define PZ_DEFINE_SVDF(name, T, lo, hi)                                                                                      \
  PZ_KERNEL void name(const pz_i8 *x, const pz_i8 PZ_FLASH *wf, const T PZ_FLASH *wt, const pz_i32 PZ_FLASH *bias,           \
                      const T *state, pz_i8 *y, T *out, int n, int k, int filters, int memory, int rank, int32_t zx,         \
                      int32_t zs, int32_t zy, int32_t m1, int s1, int32_t m2, int s2) {                                      \
    for (int b = 0; b < n; ++b, x += k)                                                                                      \
      for (int u = 0; u < filters / rank; ++u) {                                                                             \
        uint32_t total = (uint32_t)bias[u];                                                                                  \
        for (int r = 0; r < rank; ++r, state += memory, out += memory) {                                                     \
          const int f = u * rank + r;                                                                                        \
          int32_t s = 0;                                                                                                     \
          for (int i = 0; i < k; ++i) s += (x[i] - zx) * wf[f * k + i];                                                      \
          for (int i = 0; i + 1 < memory; ++i) out[i] = state[i + 1];                                                        \
          out[memory - 1] = (T)(pz_clamp(pz_requant(s, m1, s1), lo, hi) + zs);                                               \
          for (int i = 0; i < memory; ++i) total += (uint32_t)((int32_t)wt[f * memory + i] * (out[i] - zs));                 \
        }                                                                                                                    \
        *y++ = (pz_i8)pz_clamp(pz_requant((int32_t)total, m2, s2) + zy, -128, 127);                                          \
      }                                                                                                                      \
  }

PZ_DEFINE_SVDF(pz_svdf_i16, pz_i16, -32768, 32767)
PZ_DEFINE_SVDF(pz_svdf_i8, pz_i8, -128, 127)

#endif
