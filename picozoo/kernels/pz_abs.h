/* Magnitude. Twin: ops/abs.py. */
#ifndef PZ_ABS_H
#define PZ_ABS_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_abs_f32, pz_f32, pz_f32, a < 0 ? -a : a)
PZ_DEFINE_UNARY(pz_abs_i32, pz_i32, pz_i32, a < 0 ? -a : a)

#endif
