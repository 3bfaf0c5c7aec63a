/* -x. Twin: ops/neg.py. */
#ifndef PZ_NEG_H
#define PZ_NEG_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_neg_f32, pz_f32, pz_f32, -a)
PZ_DEFINE_UNARY(pz_neg_i32, pz_i32, pz_i32, -a)

#endif
