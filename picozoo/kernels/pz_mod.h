/* Rest of a division rounded down; by zero gives 0. Twin: ops/mod.py. */
#ifndef PZ_MOD_H
#define PZ_MOD_H

#include "pz_map.h"

/* Beside 0, -1 is taken out too: the smallest number divided by it overflows. */
#define PZ_FLOOR_MOD(a, b) \
  ((b) == 0 || (b) + 1 == 0 ? 0 : (a) % (b) != 0 && ((a) % (b) < 0) != ((b) < 0) ? (a) % (b) + (b) : (a) % (b))

PZ_DEFINE_BINARY(pz_mod_i8, pz_i8, pz_i8, PZ_FLOOR_MOD(a, b))
PZ_DEFINE_BINARY(pz_mod_u8, pz_u8, pz_u8, PZ_FLOOR_MOD(a, b))
PZ_DEFINE_BINARY(pz_mod_i16, pz_i16, pz_i16, PZ_FLOOR_MOD(a, b))
PZ_DEFINE_BINARY(pz_mod_i32, pz_i32, pz_i32, PZ_FLOOR_MOD(a, b))
PZ_DEFINE_BINARY(pz_mod_i64, pz_i64, pz_i64, PZ_FLOOR_MOD(a, b))

#endif
