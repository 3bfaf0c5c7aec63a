/* x * sigmoid(x). Source: Elfwing et al., 2017. Twin: ops/silu.py. */
#ifndef PZ_SILU_H
#define PZ_SILU_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_silu_f32, pz_f32, pz_f32, a * pz_sigmoidf(a))

#endif
