/* max(x, 0). Twin: ops/relu.py. */
#ifndef PZ_RELU_H
#define PZ_RELU_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_relu_f32, pz_f32, pz_f32, a > 0 ? a : 0)
PZ_DEFINE_UNARY(pz_relu_i8, pz_i8, pz_i8, a > 0 ? a : 0)
PZ_DEFINE_UNARY(pz_relu_i16, pz_i16, pz_i16, a > 0 ? a : 0)
PZ_DEFINE_UNARY(pz_relu_i32, pz_i32, pz_i32, a > 0 ? a : 0)
PZ_DEFINE_UNARY(pz_relu_i64, pz_i64, pz_i64, a > 0 ? a : 0)

#endif
