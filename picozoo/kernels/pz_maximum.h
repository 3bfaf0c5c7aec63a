/* The larger of two. Twin: ops/maximum.py. */
#ifndef PZ_MAXIMUM_H
#define PZ_MAXIMUM_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_maximum_f32, pz_f32, pz_f32, a > b ? a : b)
PZ_DEFINE_BINARY(pz_maximum_i8, pz_i8, pz_i8, a > b ? a : b)
PZ_DEFINE_BINARY(pz_maximum_u8, pz_u8, pz_u8, a > b ? a : b)
PZ_DEFINE_BINARY(pz_maximum_i16, pz_i16, pz_i16, a > b ? a : b)
PZ_DEFINE_BINARY(pz_maximum_i32, pz_i32, pz_i32, a > b ? a : b)
PZ_DEFINE_BINARY(pz_maximum_i64, pz_i64, pz_i64, a > b ? a : b)

#endif
