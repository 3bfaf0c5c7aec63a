/* Angle in radians whose cosine is x; NaN outside -1 to 1. Twin: ops/acos.py. */
#ifndef PZ_ACOS_H
#define PZ_ACOS_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_acos_f32, pz_f32, pz_f32, pz_acosf(a))

#endif
