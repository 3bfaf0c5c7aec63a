/* Every bit the other way round. Twin: ops/bitwise_not.py. */
#ifndef PZ_BITWISE_NOT_H
#define PZ_BITWISE_NOT_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_bitwise_not_i8, pz_i8, pz_i8, ~(uint32_t)a)
PZ_DEFINE_UNARY(pz_bitwise_not_u8, pz_u8, pz_u8, ~(uint32_t)a)
PZ_DEFINE_UNARY(pz_bitwise_not_i16, pz_i16, pz_i16, ~(uint32_t)a)
PZ_DEFINE_UNARY(pz_bitwise_not_i32, pz_i32, pz_i32, ~(uint32_t)a)
PZ_DEFINE_UNARY(pz_bitwise_not_i64, pz_i64, pz_i64, ~(uint64_t)a)

#endif
