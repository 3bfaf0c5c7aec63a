/* The number whose hyperbolic sine is x. Twin: ops/asinh.py. */
#ifndef PZ_ASINH_H
#define PZ_ASINH_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_asinh_f32, pz_f32, pz_f32, pz_asinhf(a))

#endif
