/* Hyperbolic cosine. Twin: ops/cosh.py. */
#ifndef PZ_COSH_H
#define PZ_COSH_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_cosh_f32, pz_f32, pz_f32, pz_coshf(a))

#endif
