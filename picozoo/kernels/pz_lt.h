/* a < b. Twin: ops/lt.py. */
#ifndef PZ_LT_H
#define PZ_LT_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_lt_f32, pz_f32, pz_bool, a < b)
PZ_DEFINE_BINARY(pz_lt_i8, pz_i8, pz_bool, a < b)
PZ_DEFINE_BINARY(pz_lt_u8, pz_u8, pz_bool, a < b)
PZ_DEFINE_BINARY(pz_lt_i16, pz_i16, pz_bool, a < b)
PZ_DEFINE_BINARY(pz_lt_i32, pz_i32, pz_bool, a < b)
PZ_DEFINE_BINARY(pz_lt_i64, pz_i64, pz_bool, a < b)

#endif
