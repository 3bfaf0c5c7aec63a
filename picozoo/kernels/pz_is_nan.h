/* Is the number nan? Looks at the bits, since compilers may assume otherwise. Twin: ops/is_nan.py. */
#ifndef PZ_IS_NAN_H
#define PZ_IS_NAN_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_is_nan_f32, pz_f32, pz_bool, (pz_f32_bits(a) & 0x7fffffffu) > 0x7f800000u)

#endif
