/* Bits: xor. Twin: ops/bitwise_xor.py. */
#ifndef PZ_BITWISE_XOR_H
#define PZ_BITWISE_XOR_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_bitwise_xor_i8, pz_i8, pz_i8, (uint32_t)a ^ (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_xor_u8, pz_u8, pz_u8, (uint32_t)a ^ (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_xor_i16, pz_i16, pz_i16, (uint32_t)a ^ (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_xor_i32, pz_i32, pz_i32, (uint32_t)a ^ (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_xor_i64, pz_i64, pz_i64, (uint64_t)a ^ (uint64_t)b)

#endif
