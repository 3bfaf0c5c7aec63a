/* Moves bytes in RAM. Twin: picozoo/ops/copy.py.

   to, from: n bytes. They may share bytes if `to` begins at or before `from`: bytes go from the first to the last.
   Not inlined: a place that moves rows of a window calls it, and its loop need not be unrolled everywhere. */
#ifndef PZ_MOVE_H
#define PZ_MOVE_H

#include "pz_base.h"

PZ_UNUSED PZ_NOINLINE static void pz_move(void *to, const void *from, size_t n) {
  size_t i = 0;
  unsigned char *t = (unsigned char *)to;
  const unsigned char *f = (const unsigned char *)from;
  if (to == from) return;
#ifndef __AVR__
  if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0) {
    PZ_ROLLED
    for (; i + 16 <= n; i += 16) {
      const pz_u32 *u = (const pz_u32 *)(const void *)(f + i);
      pz_u32 *v = (pz_u32 *)(void *)(t + i);
      const pz_u32 a = u[0], b = u[1], c = u[2], d = u[3];
      v[0] = a, v[1] = b, v[2] = c, v[3] = d;
    }
  }
#endif
  PZ_ROLLED
  for (; i < n; ++i) t[i] = f[i];
}

#endif
