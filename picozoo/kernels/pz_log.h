/* Natural logarithm. Twin: ops/log.py. */
#ifndef PZ_LOG_H
#define PZ_LOG_H

#include "pz_map.h"
#include "pz_math.h"

PZ_DEFINE_UNARY(pz_log_f32, pz_f32, pz_f32, pz_logf(a))

#endif
