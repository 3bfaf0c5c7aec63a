/* The number whose hyperbolic tangent is x; NaN outside -1 to 1. Twin: ops/atanh.py. */
#ifndef PZ_ATANH_H
#define PZ_ATANH_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_atanh_f32, pz_f32, pz_f32, pz_atanhf(a))

#endif
