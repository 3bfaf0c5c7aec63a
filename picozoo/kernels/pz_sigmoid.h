/* 1 / (1 + e^-x). Twin: ops/sigmoid.py. */
#ifndef PZ_SIGMOID_H
#define PZ_SIGMOID_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_sigmoid_f32, pz_f32, pz_f32, pz_sigmoidf(a))

#endif
