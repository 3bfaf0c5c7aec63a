/* Bits: and. Twin: ops/bitwise_and.py. */
#ifndef PZ_BITWISE_AND_H
#define PZ_BITWISE_AND_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_bitwise_and_i8, pz_i8, pz_i8, (uint32_t)a & (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_and_u8, pz_u8, pz_u8, (uint32_t)a & (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_and_i16, pz_i16, pz_i16, (uint32_t)a & (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_and_i32, pz_i32, pz_i32, (uint32_t)a & (uint32_t)b)
PZ_DEFINE_BINARY(pz_bitwise_and_i64, pz_i64, pz_i64, (uint64_t)a & (uint64_t)b)

#endif
