/* Quotient, float only. Twin: ops/div.py. */
#ifndef PZ_DIV_H
#define PZ_DIV_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_div_f32, pz_f32, pz_f32, a / b)
PZ_DEFINE_BINARY(pz_div_i8, pz_i8, pz_i8, b == 0 ? 0 : b == -1 ? (pz_i8)(0u - (uint32_t)a) : a / b)
PZ_DEFINE_BINARY(pz_div_u8, pz_u8, pz_u8, b == 0 ? 0 : a / b)
PZ_DEFINE_BINARY(pz_div_i16, pz_i16, pz_i16, b == 0 ? 0 : b == -1 ? (pz_i16)(0u - (uint32_t)a) : a / b)
PZ_DEFINE_BINARY(pz_div_i32, pz_i32, pz_i32, b == 0 ? 0 : b == -1 ? (pz_i32)(0u - (uint32_t)a) : a / b)
PZ_DEFINE_BINARY(pz_div_i64, pz_i64, pz_i64, b == 0 ? 0 : b == -1 ? (pz_i64)(0u - (uint64_t)a) : a / b)

#endif
