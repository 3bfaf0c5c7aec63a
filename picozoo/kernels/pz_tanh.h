/* Hyperbolic tangent. Twin: ops/tanh.py. */
#ifndef PZ_TANH_H
#define PZ_TANH_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_tanh_f32, pz_f32, pz_f32, pz_tanhf(a))

#endif
