/* Quotient, float only. Twin: ops/div.py. */
#ifndef PZ_DIV_H
#define PZ_DIV_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_div_f32, pz_f32, pz_f32, a / b)

#endif
