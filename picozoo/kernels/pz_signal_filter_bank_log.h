/* y = scale * log(x << bits) in fixed point, x uint32. table: 65536 (log2(1 + i / 128) - i / 128). Twin:
   ops/signal_filter_bank_log.py. */
#ifndef PZ_SIGNAL_FILTER_BANK_LOG_H
#define PZ_SIGNAL_FILTER_BANK_LOG_H

#include "pz_base.h"

PZ_KERNEL void pz_signal_filter_bank_log(const pz_i32 *x, const uint16_t PZ_FLASH *table, pz_i16 *y, int n, uint32_t scale,
                                         int bits) {
  for (int i = 0; i < n; ++i) {
    const uint32_t v = (uint32_t)x[i] << bits;
    int whole = 0;
    while (whole < 31 && v >> (whole + 1)) ++whole;
    uint32_t part = v - (v ? (uint32_t)1 << whole : 0);
    part = whole < 16 ? part << (16 - whole) : part >> (whole - 16);
    const uint32_t at = part >> 9;
    const int32_t step = ((int32_t)table[at + 1] - (int32_t)table[at]) * (int32_t)(part - (at << 9));
    const uint32_t base2 = ((uint32_t)whole << 16) + part + table[at] + (uint32_t)(step >> 16);
    const uint32_t natural = (uint32_t)(((uint64_t)45426 * base2 + 32768u) >> 16);
    const uint32_t made = (scale * natural + 32768u) >> 16;
    y[i] = (pz_i16)(v < 2 ? 0 : made < 32767u ? made : 32767u);
  }
}

#endif
