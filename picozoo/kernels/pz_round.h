/* Nearest whole number, halves to even. Twin: ops/round.py. */
#ifndef PZ_ROUND_H
#define PZ_ROUND_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_round_f32, pz_f32, pz_f32, pz_roundf(a))

#endif
