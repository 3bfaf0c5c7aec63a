/* True if any element over dimensions is. Twin: ops/any.py. */
#ifndef PZ_ANY_H
#define PZ_ANY_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE(pz_any_bool, pz_bool, pz_bool, 0, 0, s | v)

#endif
