/* a <= b. Twin: ops/le.py. */
#ifndef PZ_LE_H
#define PZ_LE_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_le_f32, pz_f32, pz_bool, a <= b)
PZ_DEFINE_BINARY(pz_le_i8, pz_i8, pz_bool, a <= b)
PZ_DEFINE_BINARY(pz_le_u8, pz_u8, pz_bool, a <= b)
PZ_DEFINE_BINARY(pz_le_i16, pz_i16, pz_bool, a <= b)
PZ_DEFINE_BINARY(pz_le_i32, pz_i32, pz_bool, a <= b)
PZ_DEFINE_BINARY(pz_le_i64, pz_i64, pz_bool, a <= b)

#endif
