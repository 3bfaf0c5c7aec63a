/* Largest whole number below. Twin: ops/floor.py. */
#ifndef PZ_FLOOR_H
#define PZ_FLOOR_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_floor_f32, pz_f32, pz_f32, pz_floorf(a))

#endif
