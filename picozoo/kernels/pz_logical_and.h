/* Both are true. Twin: ops/logical_and.py. */
#ifndef PZ_LOGICAL_AND_H
#define PZ_LOGICAL_AND_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_logical_and_bool, pz_bool, pz_bool, a & b)

#endif
