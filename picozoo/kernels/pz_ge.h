/* a >= b. Twin: ops/ge.py. */
#ifndef PZ_GE_H
#define PZ_GE_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_ge_f32, pz_f32, pz_bool, a >= b)
PZ_DEFINE_BINARY(pz_ge_i8, pz_i8, pz_bool, a >= b)
PZ_DEFINE_BINARY(pz_ge_u8, pz_u8, pz_bool, a >= b)
PZ_DEFINE_BINARY(pz_ge_i16, pz_i16, pz_bool, a >= b)
PZ_DEFINE_BINARY(pz_ge_i32, pz_i32, pz_bool, a >= b)
PZ_DEFINE_BINARY(pz_ge_i64, pz_i64, pz_bool, a >= b)

#endif
