/* Product over dimensions; integers wrap around. Twin: ops/prod.py. */
#ifndef PZ_PROD_H
#define PZ_PROD_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE(pz_prod_f32, pz_f32, float, 1.0f, 0, s * v)
PZ_DEFINE_REDUCE(pz_prod_i32, pz_i32, uint32_t, 1, 0, s * v)
PZ_DEFINE_REDUCE(pz_prod_i64, pz_i64, uint64_t, 1, 0, s * v)

#endif
