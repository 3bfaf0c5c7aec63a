/* log(1 + e^x). Twin: ops/softplus.py. */
#ifndef PZ_SOFTPLUS_H
#define PZ_SOFTPLUS_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_softplus_f32, pz_f32, pz_f32, a > 20.0f ? a : pz_logf(1.0f + pz_expf(a)))

#endif
