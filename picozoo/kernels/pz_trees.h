/* Ensembles of decision trees as tables: y = sum over trees of the row of the leaf that x falls into.
   Node n asks x[feature[n]] <= threshold[n]; child[2 n] is where to go if so, child[2 n + 1] if not (NaN: not).
   Children are counted from the root of their tree, a negative child c is leaf ~c; root[t] is the first node of tree t,
   or ~leaf for a tree that asks nothing. With `missing`, feature[n] is twice the feature, plus one where NaN goes left.
   _f32: floats compared as floats. _key: as integers of the same order (pz_trees_keys), for cores without an FPU; their
   thresholds are keys too, zero never negative. y may not be x. Twin: ops/trees.py. */
#ifndef PZ_TREES_H
#define PZ_TREES_H

#include "pz_base.h"

#define PZ_KEY_NAN INT32_MAX

/* Integers in the order of the floats; -0 lies just below 0, every NaN above all. */
PZ_KERNEL void pz_trees_keys(const pz_f32 *x, pz_i32 *key, int n) {
  const pz_u32 *bits = (const pz_u32 *)(const void *)x;
  for (int i = 0; i < n; ++i) {
    const uint32_t b = bits[i];
    const uint32_t size = b & 0x7fffffffu;
    key[i] = size > 0x7f800000u ? PZ_KEY_NAN : (int32_t)(b >> 31 ? ~size : size);
  }
}

#define PZ_TREES_NOT_f32(v, t) (!((v) <= (t)))
#define PZ_TREES_NAN_f32(v) ((v) != (v))
#define PZ_TREES_NOT_key(v, t) ((v) > (t))
#define PZ_TREES_NAN_key(v) ((v) == PZ_KEY_NAN)

/* A: form of the comparison, X: its type, F: feature, C: child, R: root, I: index, V: leaf. */
#define PZ_DEFINE_TREES_WALK(name, A, X, F, C, R, I)                                                              \
  PZ_INLINE I name(const X *x, const X PZ_FLASH *threshold, const F PZ_FLASH *feature, const C PZ_FLASH *child,   \
                   I at, int missing) {                                                                           \
    if (at < 0) return (I)~at;                                                                                    \
    threshold += at;                                                                                              \
    feature += at;                                                                                                \
    child += 2 * at;                                                                                              \
    I k = 0;                                                                                                      \
    do {                                                                                                          \
      const F f = feature[k];                                                                                     \
      const X v = x[missing ? f >> 1 : f];                                                                        \
      int no = PZ_TREES_NOT_##A(v, threshold[k]);                                                                 \
      if (missing && PZ_TREES_NAN_##A(v)) no = !(f & 1);                                                          \
      k = child[2 * k + no];                                                                                      \
    } while (k >= 0);                                                                                             \
    return (I)~k;                                                                                                 \
  }

#define PZ_DEFINE_TREES_SUM(name, walk, X, F, C, R, I, V)                                                         \
  PZ_KERNEL void name(const X *x, const X PZ_FLASH *threshold, const F PZ_FLASH *feature, const C PZ_FLASH *child, \
                      const R PZ_FLASH *root, const V PZ_FLASH *leaf, V *y, int trees, int width, int missing) {  \
    for (int j = 0; j < width; ++j) y[j] = 0;                                                                     \
    PZ_ROLLED                                                                                                     \
    for (int t = 0; t < trees; ++t) {                                                                             \
      const V PZ_FLASH *row = leaf + walk(x, threshold, feature, child, root[t], missing) * width;                \
      for (int j = 0; j < width; ++j) y[j] += row[j];                                                             \
    }                                                                                                             \
  }

/* Leaf k adds `weight` to y[k] alone. */
#define PZ_DEFINE_TREES_VOTE(name, walk, X, F, C, R, I)                                                           \
  PZ_KERNEL void name(const X *x, const X PZ_FLASH *threshold, const F PZ_FLASH *feature, const C PZ_FLASH *child, \
                      const R PZ_FLASH *root, pz_i32 weight, pz_i32 *y, int trees, int width, int missing) {      \
    for (int j = 0; j < width; ++j) y[j] = 0;                                                                     \
    PZ_ROLLED                                                                                                     \
    for (int t = 0; t < trees; ++t) y[walk(x, threshold, feature, child, root[t], missing)] += weight;            \
  }

#define PZ_TREES_FORMS(A, X, f, F, c, C, R, I)                                                                    \
  PZ_DEFINE_TREES_WALK(pz_trees_walk_##A##_##f##_##c, A, X, F, C, R, I)                                           \
  PZ_DEFINE_TREES_SUM(pz_trees_i32_##A##_##f##_##c, pz_trees_walk_##A##_##f##_##c, X, F, C, R, I, pz_i32)         \
  PZ_DEFINE_TREES_SUM(pz_trees_f32_##A##_##f##_##c, pz_trees_walk_##A##_##f##_##c, X, F, C, R, I, pz_f32)         \
  PZ_DEFINE_TREES_VOTE(pz_trees_vote_##A##_##f##_##c, pz_trees_walk_##A##_##f##_##c, X, F, C, R, I)

#define PZ_TREES_SIZES(A, X)                             \
  PZ_TREES_FORMS(A, X, u8, pz_u8, i8, pz_i8, pz_i16, int)   \
  PZ_TREES_FORMS(A, X, u8, pz_u8, i16, pz_i16, pz_i16, int) \
  PZ_TREES_FORMS(A, X, u8, pz_u8, i32, pz_i32, pz_i32, int32_t) \
  PZ_TREES_FORMS(A, X, i16, pz_i16, i8, pz_i8, pz_i16, int) \
  PZ_TREES_FORMS(A, X, i16, pz_i16, i16, pz_i16, pz_i16, int) \
  PZ_TREES_FORMS(A, X, i16, pz_i16, i32, pz_i32, pz_i32, int32_t)

PZ_TREES_SIZES(f32, pz_f32)
PZ_TREES_SIZES(key, pz_i32)

#endif
