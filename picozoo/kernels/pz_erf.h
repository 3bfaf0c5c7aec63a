/* Error function. Twin: ops/erf.py. */
#ifndef PZ_ERF_H
#define PZ_ERF_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_erf_f32, pz_f32, pz_f32, pz_erff(a))

#endif
