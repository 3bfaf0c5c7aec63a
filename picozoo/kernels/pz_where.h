/* Choose between two inputs. Twin: ops/where.py. */
#ifndef PZ_WHERE_H
#define PZ_WHERE_H

#include "pz_base.h"

#define PZ_DEFINE_WHERE(name, T)                                                                             \
  PZ_KERNEL void name(const pz_bool *pc, const T *pa, const T *pb, T *y, int n0, int n1, int n2, int n3,     \
                      int sc0, int sc1, int sc2, int sc3, int sa0, int sa1, int sa2, int sa3, int sb0,       \
                      int sb1, int sb2, int sb3) {                                                           \
    for (int i0 = 0; i0 < n0; ++i0)                                                                          \
      for (int i1 = 0; i1 < n1; ++i1)                                                                        \
        for (int i2 = 0; i2 < n2; ++i2) {                                                                    \
          const pz_bool *rc = pc + i0 * sc0 + i1 * sc1 + i2 * sc2;                                           \
          const T *ra = pa + i0 * sa0 + i1 * sa1 + i2 * sa2;                                                 \
          const T *rb = pb + i0 * sb0 + i1 * sb1 + i2 * sb2;                                                 \
          for (int i3 = 0; i3 < n3; ++i3) *y++ = rc[i3 * sc3] ? ra[i3 * sa3] : rb[i3 * sb3];                 \
        }                                                                                                    \
  }

PZ_DEFINE_WHERE(pz_where_f32, pz_f32)
PZ_DEFINE_WHERE(pz_where_i8, pz_i8)
PZ_DEFINE_WHERE(pz_where_u8, pz_u8)
PZ_DEFINE_WHERE(pz_where_i16, pz_i16)
PZ_DEFINE_WHERE(pz_where_i32, pz_i32)
PZ_DEFINE_WHERE(pz_where_i64, pz_i64)
PZ_DEFINE_WHERE(pz_where_bool, pz_bool)

#endif
