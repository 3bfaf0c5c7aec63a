/* True where the input is false. Twin: ops/logical_not.py. */
#ifndef PZ_LOGICAL_NOT_H
#define PZ_LOGICAL_NOT_H

#include "pz_map.h"

PZ_DEFINE_UNARY(pz_logical_not_bool, pz_bool, pz_bool, !a)

#endif
