/* -1, 0 or 1. Twin: ops/sign.py. */
#ifndef PZ_SIGN_H
#define PZ_SIGN_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_sign_f32, pz_f32, pz_f32, a > 0 ? 1 : a < 0 ? -1 : 0)
PZ_DEFINE_UNARY(pz_sign_i8, pz_i8, pz_i8, a > 0 ? 1 : a < 0 ? -1 : 0)
PZ_DEFINE_UNARY(pz_sign_i16, pz_i16, pz_i16, a > 0 ? 1 : a < 0 ? -1 : 0)
PZ_DEFINE_UNARY(pz_sign_i32, pz_i32, pz_i32, a > 0 ? 1 : a < 0 ? -1 : 0)
PZ_DEFINE_UNARY(pz_sign_i64, pz_i64, pz_i64, a > 0 ? 1 : a < 0 ? -1 : 0)

#endif
