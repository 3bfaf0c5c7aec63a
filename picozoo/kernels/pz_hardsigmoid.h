/* relu6(x + 3) / 6. Twin: ops/hardsigmoid.py. */
#ifndef PZ_HARDSIGMOID_H
#define PZ_HARDSIGMOID_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_hardsigmoid_f32, pz_f32, pz_f32, (a < -3.0f ? 0.0f : a > 3.0f ? 6.0f : a + 3.0f) / 6.0f)

#endif
