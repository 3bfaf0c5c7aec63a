/* x * relu6(x + 3) / 6. Source: Howard et al., 2019, section 5.2. Twin: ops/hardswish.py. */
#ifndef PZ_HARDSWISH_H
#define PZ_HARDSWISH_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_hardswish_f32, pz_f32, pz_f32, a * (a < -3.0f ? 0.0f : a > 3.0f ? 6.0f : a + 3.0f) / 6.0f)

#endif
