/* Cosine, radians. Twin: ops/cos.py. */
#ifndef PZ_COS_H
#define PZ_COS_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_cos_f32, pz_f32, pz_f32, pz_cosf(a))

#endif
