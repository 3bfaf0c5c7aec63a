/* Difference. Integers wrap around. Twin: ops/sub.py. */
#ifndef PZ_SUB_H
#define PZ_SUB_H

#include "pz_arith8.h"
#include "pz_map.h"

PZ_DEFINE_BINARY(pz_sub_f32, pz_f32, pz_f32, a - b)
PZ_DEFINE_BINARY(pz_sub_i8, pz_i8, pz_i8, (uint32_t)a - (uint32_t)b)
PZ_DEFINE_BINARY(pz_sub_u8, pz_u8, pz_u8, (uint32_t)a - (uint32_t)b)
PZ_DEFINE_BINARY(pz_sub_i16, pz_i16, pz_i16, (uint32_t)a - (uint32_t)b)
PZ_DEFINE_BINARY(pz_sub_i32, pz_i32, pz_i32, (uint32_t)a - (uint32_t)b)
PZ_DEFINE_BINARY(pz_sub_i64, pz_i64, pz_i64, (uint64_t)a - (uint64_t)b)

/* Float with a clamp. */
PZ_DEFINE_BINARY_CLIP(pz_sub_clip_f32, pz_f32, a - b)

PZ_DEFINE_SUM8(pz_sub_q8, -)

PZ_DEFINE_ARITH16(pz_sub_q16, PZ_WIDEN15(a, q.ma, q.sa) - PZ_WIDEN15(b, q.mb, q.sb))

#endif
