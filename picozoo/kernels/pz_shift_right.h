/* Bits to the right, zeros come in; by the width of the type or more gives 0. Twin: ops/shift_right.py. */
#ifndef PZ_SHIFT_RIGHT_H
#define PZ_SHIFT_RIGHT_H

#include "pz_map.h"

#define PZ_UNSIGNED(bits, a) ((uint##bits##_t)(a))

PZ_DEFINE_BINARY(pz_shift_right_i8, pz_i8, pz_i8, b < 0 || b >= 8 ? 0 : PZ_UNSIGNED(8, a) >> b)
PZ_DEFINE_BINARY(pz_shift_right_u8, pz_u8, pz_u8, b < 0 || b >= 8 ? 0 : PZ_UNSIGNED(8, a) >> b)
PZ_DEFINE_BINARY(pz_shift_right_i16, pz_i16, pz_i16, b < 0 || b >= 16 ? 0 : PZ_UNSIGNED(16, a) >> b)
PZ_DEFINE_BINARY(pz_shift_right_i32, pz_i32, pz_i32, b < 0 || b >= 32 ? 0 : PZ_UNSIGNED(32, a) >> b)
PZ_DEFINE_BINARY(pz_shift_right_i64, pz_i64, pz_i64, b < 0 || b >= 64 ? 0 : PZ_UNSIGNED(64, a) >> b)

#endif
