/* Hyperbolic sine. Twin: ops/sinh.py. */
#ifndef PZ_SINH_H
#define PZ_SINH_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_sinh_f32, pz_f32, pz_f32, pz_sinhf(a))

#endif
