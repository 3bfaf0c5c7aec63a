/* Bits to the left, zeros come in; by the width of the type or more gives 0. Twin: ops/shift_left.py. */
#ifndef PZ_SHIFT_LEFT_H
#define PZ_SHIFT_LEFT_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_shift_left_i8, pz_i8, pz_i8, b < 0 || b >= 8 ? 0 : (uint32_t)a << b)
PZ_DEFINE_BINARY(pz_shift_left_u8, pz_u8, pz_u8, b < 0 || b >= 8 ? 0 : (uint32_t)a << b)
PZ_DEFINE_BINARY(pz_shift_left_i16, pz_i16, pz_i16, b < 0 || b >= 16 ? 0 : (uint32_t)a << b)
PZ_DEFINE_BINARY(pz_shift_left_i32, pz_i32, pz_i32, b < 0 || b >= 32 ? 0 : (uint32_t)a << b)
PZ_DEFINE_BINARY(pz_shift_left_i64, pz_i64, pz_i64, b < 0 || b >= 64 ? 0 : (uint64_t)a << b)

#endif
