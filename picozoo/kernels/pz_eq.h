/* a == b. Twin: ops/eq.py. */
#ifndef PZ_EQ_H
#define PZ_EQ_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_eq_f32, pz_f32, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_bool, pz_bool, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_i8, pz_i8, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_u8, pz_u8, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_i16, pz_i16, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_i32, pz_i32, pz_bool, a == b)
PZ_DEFINE_BINARY(pz_eq_i64, pz_i64, pz_bool, a == b)

#endif
