/* Boxes from encodings and anchors, then non-maximum suppression. codes: [n][width], scores: [n][c], the first `skip` of
   them the background's; anchors: [n][4]. out: boxes [room][4], classes, scores, and how many. Twin:
   ops/detection_postprocess.py. */
#ifndef PZ_DETECTION_POSTPROCESS_H
#define PZ_DETECTION_POSTPROCESS_H

#include "pz_math.h"

PZ_INLINE void pz_decode_boxes(const pz_f32 *codes, const pz_f32 PZ_FLASH *anchors, pz_f32 *boxes, int n, int width, float sy,
                               float sx, float sh, float sw) {
  for (int i = 0; i < n; ++i, codes += width, anchors += 4, boxes += 4) {
    const float y = codes[0] / sy * anchors[2] + anchors[0], x = codes[1] / sx * anchors[3] + anchors[1];
    const float h = 0.5f * pz_expf(codes[2] / sh) * anchors[2], w = 0.5f * pz_expf(codes[3] / sw) * anchors[3];
    boxes[0] = y - h;
    boxes[1] = x - w;
    boxes[2] = y + h;
    boxes[3] = x + w;
  }
}

/* Intersection over union. */
PZ_INLINE float pz_box_overlap(const pz_f32 *a, const pz_f32 *b) {
  const float one = (a[2] - a[0]) * (a[3] - a[1]), two = (b[2] - b[0]) * (b[3] - b[1]);
  if (one <= 0.0f || two <= 0.0f) return 0.0f;
  const float h = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
  const float w = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
  const float both = (h > 0.0f ? h : 0.0f) * (w > 0.0f ? w : 0.0f);
  return both / (one + two - both);
}

/* The best of the boxes that are left, or -1; those that overlap it too much are taken away. */
PZ_INLINE int pz_next_box(const pz_f32 *boxes, const pz_f32 *scores, pz_u8 *left, int n, int step, float overlap) {
  int best = -1;
  for (int i = 0; i < n; ++i)
    if (left[i] && (best < 0 || scores[i * step] > scores[best * step])) best = i;
  if (best < 0) return best;
  left[best] = 0;
  for (int i = 0; i < n; ++i)
    if (left[i] && pz_box_overlap(boxes + 4 * i, boxes + 4 * best) > overlap) left[i] = 0;
  return best;
}

PZ_INLINE void pz_put_box(const pz_f32 *boxes, int box, int kind, float score, int at, pz_f32 *out, pz_f32 *classes,
                          pz_f32 *best) {
  for (int j = 0; j < 4; ++j) out[4 * at + j] = box < 0 ? 0.0f : boxes[4 * box + j];
  classes[at] = (float)kind;
  best[at] = score;
}

/* Each box counts with its best class and gives its `each` best ones. s: 4 n floats, n floats, n bytes. */
PZ_KERNEL void pz_detection_fast(const pz_f32 *codes, const pz_f32 *scores, const pz_f32 PZ_FLASH *anchors, pz_f32 *out,
                                 pz_f32 *classes, pz_f32 *best, pz_f32 *number, pz_f32 *s, int n, int width, int c, int skip,
                                 int most, int room, int each, float threshold, float overlap, float sy, float sx, float sh,
                                 float sw) {
  pz_f32 *const top = s + 4 * n;
  pz_u8 *const left = (pz_u8 *)(top + n);
  int count = 0;
  pz_decode_boxes(codes, anchors, s, n, width, sy, sx, sh, sw);
  for (int i = 0; i < n; ++i) {
    top[i] = scores[i * c + skip];
    for (int k = skip + 1; k < c; ++k) top[i] = scores[i * c + k] > top[i] ? scores[i * c + k] : top[i];
    left[i] = top[i] >= threshold;
  }
  for (int m = 0; m < most; ++m) {
    const int box = pz_next_box(s, top, left, n, 1, overlap);
    if (box < 0) break;
    const pz_f32 *v = scores + box * c + skip;
    int last = -1;
    for (int j = 0; j < each; ++j) { /* the next best class after the last one in the order (score, place) */
      int k = -1;
      for (int i = 0; i < c - skip; ++i) {
        if (last >= 0 && (i == last || v[i] > v[last] || (v[i] == v[last] && i < last))) continue;
        if (k < 0 || v[i] > v[k]) k = i;
      }
      if (k < 0) k = last < 0 ? 0 : last; /* only where numbers do not compare (NaN) */
      pz_put_box(s, box, k, v[k], count++, out, classes, best);
      last = k;
    }
  }
  *number = (float)count;
  for (; count < room; ++count) pz_put_box(s, -1, 0, 0.0f, count, out, classes, best);
}

/* Each class for itself, at most `each` boxes. s: 4 n floats, most + 1 boxes and classes, n bytes. */
PZ_KERNEL void pz_detection_regular(const pz_f32 *codes, const pz_f32 *scores, const pz_f32 PZ_FLASH *anchors, pz_f32 *out,
                                    pz_f32 *classes, pz_f32 *best, pz_f32 *number, pz_f32 *s, int n, int width, int c, int skip,
                                    int most, int room, int each, float threshold, float overlap, float sy, float sx, float sh,
                                    float sw) {
  pz_i32 *const boxes = (pz_i32 *)(s + 4 * n), *const kinds = boxes + most + 1;
  pz_u8 *const left = (pz_u8 *)(kinds + most + 1);
  int count = 0;
  pz_decode_boxes(codes, anchors, s, n, width, sy, sx, sh, sw);
  for (int k = 0; k < c - skip; ++k) {
    const pz_f32 *v = scores + skip + k;
    for (int i = 0; i < n; ++i) left[i] = v[i * c] >= threshold;
    for (int m = 0; m < each; ++m) {
      const int box = pz_next_box(s, v, left, n, c, overlap);
      if (box < 0) break;
      int at = count;
      for (; at > 0 && scores[boxes[at - 1] * c + skip + kinds[at - 1]] < v[box * c]; --at) {
        boxes[at] = boxes[at - 1];
        kinds[at] = kinds[at - 1];
      }
      boxes[at] = box;
      kinds[at] = k;
      if (count < most) ++count;
      else if (at == most) break; /* worse than all that are there, and so are the next ones */
    }
  }
  *number = (float)count;
  for (int i = 0; i < room; ++i) {
    const int there = i < count, box = there ? (int)boxes[i] : -1, kind = there ? (int)kinds[i] : 0;
    pz_put_box(s, box, kind, there ? scores[box * c + skip + kind] : 0.0f, i, out, classes, best);
  }
}

#endif
