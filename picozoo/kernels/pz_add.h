/* Sum. Integers wrap around. Twin: ops/add.py. */
#ifndef PZ_ADD_H
#define PZ_ADD_H

#include "pz_arith8.h"
#include "pz_map.h"

PZ_DEFINE_BINARY(pz_add_f32, pz_f32, pz_f32, a + b)
PZ_DEFINE_BINARY(pz_add_i8, pz_i8, pz_i8, (uint32_t)a + (uint32_t)b)
PZ_DEFINE_BINARY(pz_add_u8, pz_u8, pz_u8, (uint32_t)a + (uint32_t)b)
PZ_DEFINE_BINARY(pz_add_i16, pz_i16, pz_i16, (uint32_t)a + (uint32_t)b)
PZ_DEFINE_BINARY(pz_add_i32, pz_i32, pz_i32, (uint32_t)a + (uint32_t)b)
PZ_DEFINE_BINARY(pz_add_i64, pz_i64, pz_i64, (uint64_t)a + (uint64_t)b)

/* Float with a clamp. */
PZ_DEFINE_BINARY_CLIP(pz_add_clip_f32, pz_f32, a + b)

PZ_DEFINE_SUM8(pz_add_q8, +)

PZ_DEFINE_ARITH16(pz_add_q16, PZ_WIDEN15(a, q.ma, q.sa) + PZ_WIDEN15(b, q.mb, q.sb))

#endif
