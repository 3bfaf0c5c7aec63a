/* Non-maximum suppression of each class. boxes: [batch][n][4], corners in any order or centres and sizes (y, x or x, y);
   scores: [batch][classes][n]; y: [batch * classes * most][3], batch, class and box, best first, -1 behind the last; left: n
   bytes. Of equals the first one counts. Twin: ops/non_max_suppression.py. */
#ifndef PZ_NON_MAX_SUPPRESSION_H
#define PZ_NON_MAX_SUPPRESSION_H

#include "pz_base.h"

/* Begin and end of a box along one dimension. */
PZ_INLINE void pz_nms_side(const pz_f32 *box, int d, int centre, float *low, float *high) {
  const float a = box[d], b = box[2 + d];
  *low = centre ? a - b / 2.0f : a < b ? a : b;
  *high = centre ? a + b / 2.0f : a < b ? b : a;
}

PZ_INLINE int pz_nms_overlaps(const pz_f32 *a, const pz_f32 *b, int centre, float most) {
  float one = 1.0f, two = 1.0f, both = 1.0f;
  for (int d = 0; d < 2; ++d) {
    float a0, a1, b0, b1;
    pz_nms_side(a, d, centre, &a0, &a1);
    pz_nms_side(b, d, centre, &b0, &b1);
    const float common = (a1 < b1 ? a1 : b1) - (a0 > b0 ? a0 : b0);
    both *= common > 0.0f ? common : 0.0f;
    one *= a1 - a0;
    two *= b1 - b0;
  }
  return both > 0.0f && one > 0.0f && two > 0.0f && both / (one + two - both) > most;
}

PZ_KERNEL void pz_non_max_suppression(const pz_f32 *boxes, const pz_f32 *scores, pz_i64 *y, pz_u8 *left, int batch, int classes,
                                      int n, int most, int centre, float threshold, float overlap) {
  const pz_i64 *const end = y + 3 * ((ptrdiff_t)batch * classes * most);
  for (int b = 0; b < batch; ++b, boxes += 4 * n)
    for (int c = 0; c < classes; ++c, scores += n) {
      for (int i = 0; i < n; ++i) left[i] = scores[i] > threshold;
      for (int k = 0; k < most; ++k, y += 3) {
        int best = -1;
        for (int i = 0; i < n; ++i)
          if (left[i] && (best < 0 || scores[i] > scores[best])) best = i;
        if (best < 0) break;
        left[best] = 0;
        for (int i = 0; i < n; ++i)
          if (left[i] && pz_nms_overlaps(boxes + 4 * i, boxes + 4 * best, centre, overlap)) left[i] = 0;
        y[0] = b;
        y[1] = c;
        y[2] = best;
      }
    }
  while (y < end) *y++ = -1;
}

#endif
