/* True if all elements over dimensions are. Twin: ops/all.py. */
#ifndef PZ_ALL_H
#define PZ_ALL_H

#include "pz_reduce.h"

PZ_DEFINE_REDUCE(pz_all_bool, pz_bool, pz_bool, 1, 0, s & v)

#endif
