/* a != b. Twin: ops/ne.py. */
#ifndef PZ_NE_H
#define PZ_NE_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_ne_f32, pz_f32, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_bool, pz_bool, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_i8, pz_i8, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_u8, pz_u8, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_i16, pz_i16, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_i32, pz_i32, pz_bool, a != b)
PZ_DEFINE_BINARY(pz_ne_i64, pz_i64, pz_bool, a != b)

#endif
