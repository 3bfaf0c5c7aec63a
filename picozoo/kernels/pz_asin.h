/* Angle in radians whose sine is x; NaN outside -1 to 1. Twin: ops/asin.py. */
#ifndef PZ_ASIN_H
#define PZ_ASIN_H

#include "pz_map.h"
#include "pz_trig.h"

PZ_DEFINE_UNARY(pz_asin_f32, pz_f32, pz_f32, pz_asinf(a))

#endif
