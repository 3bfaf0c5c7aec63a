/* e^x. Twin: ops/exp.py. */
#ifndef PZ_EXP_H
#define PZ_EXP_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_exp_f32, pz_f32, pz_f32, pz_expf(a))

#endif
