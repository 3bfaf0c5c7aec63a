/* a > b. Twin: ops/gt.py. */
#ifndef PZ_GT_H
#define PZ_GT_H

#include "pz_map.h"

PZ_DEFINE_BINARY(pz_gt_f32, pz_f32, pz_bool, a > b)
PZ_DEFINE_BINARY(pz_gt_i8, pz_i8, pz_bool, a > b)
PZ_DEFINE_BINARY(pz_gt_u8, pz_u8, pz_bool, a > b)
PZ_DEFINE_BINARY(pz_gt_i16, pz_i16, pz_bool, a > b)
PZ_DEFINE_BINARY(pz_gt_i32, pz_i32, pz_bool, a > b)
PZ_DEFINE_BINARY(pz_gt_i64, pz_i64, pz_bool, a > b)

#endif
