/* Exactly one is true. Twin: ops/logical_xor.py. */
#ifndef PZ_LOGICAL_XOR_H
#define PZ_LOGICAL_XOR_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_logical_xor_bool, pz_bool, pz_bool, a ^ b)

#endif
