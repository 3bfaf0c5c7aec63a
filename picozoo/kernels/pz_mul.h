/* Product. Integers wrap around. Twin: ops/mul.py. */
#ifndef PZ_MUL_H
#define PZ_MUL_H

#include "pz_arith8.h"
#include "pz_map.h"

PZ_DEFINE_BINARY(pz_mul_f32, pz_f32, pz_f32, a * b)
PZ_DEFINE_BINARY(pz_mul_i8, pz_i8, pz_i8, (uint32_t)a * (uint32_t)b)
PZ_DEFINE_BINARY(pz_mul_u8, pz_u8, pz_u8, (uint32_t)a * (uint32_t)b)
PZ_DEFINE_BINARY(pz_mul_i16, pz_i16, pz_i16, (uint32_t)a * (uint32_t)b)
PZ_DEFINE_BINARY(pz_mul_i32, pz_i32, pz_i32, (uint32_t)a * (uint32_t)b)
PZ_DEFINE_BINARY(pz_mul_i64, pz_i64, pz_i64, (uint64_t)a * (uint64_t)b)

/* Float with a clamp. */
PZ_DEFINE_BINARY_CLIP(pz_mul_clip_f32, pz_f32, a * b)

PZ_DEFINE_ARITH8(pz_mul_q8, (a - q.za) * (b - q.zb))

PZ_DEFINE_ARITH16(pz_mul_q16, a * b)

#endif
