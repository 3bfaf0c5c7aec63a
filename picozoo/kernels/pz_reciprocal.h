/* 1 / x. Twin: ops/reciprocal.py. */
#ifndef PZ_RECIPROCAL_H
#define PZ_RECIPROCAL_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_reciprocal_f32, pz_f32, pz_f32, 1.0f / a)

#endif
