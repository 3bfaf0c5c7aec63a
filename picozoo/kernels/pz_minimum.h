/* The smaller of two. Twin: ops/minimum.py. */
#ifndef PZ_MINIMUM_H
#define PZ_MINIMUM_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_minimum_f32, pz_f32, pz_f32, a < b ? a : b)
PZ_DEFINE_BINARY(pz_minimum_i8, pz_i8, pz_i8, a < b ? a : b)
PZ_DEFINE_BINARY(pz_minimum_u8, pz_u8, pz_u8, a < b ? a : b)
PZ_DEFINE_BINARY(pz_minimum_i16, pz_i16, pz_i16, a < b ? a : b)
PZ_DEFINE_BINARY(pz_minimum_i32, pz_i32, pz_i32, a < b ? a : b)
PZ_DEFINE_BINARY(pz_minimum_i64, pz_i64, pz_i64, a < b ? a : b)

#endif
