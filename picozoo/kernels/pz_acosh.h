/* The number >= 0 whose hyperbolic cosine is x; NaN below 1. Twin: ops/acosh.py. */
#ifndef PZ_ACOSH_H
#define PZ_ACOSH_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_acosh_f32, pz_f32, pz_f32, pz_acoshf(a))

#endif
