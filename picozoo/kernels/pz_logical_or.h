/* One or both are true. Twin: ops/logical_or.py. */
#ifndef PZ_LOGICAL_OR_H
#define PZ_LOGICAL_OR_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_logical_or_bool, pz_bool, pz_bool, a | b)

#endif
