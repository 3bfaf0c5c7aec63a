"""Small C programs that the emulator tests run, shaped as the emitter's output is."""

from __future__ import annotations

import struct

# A context of 8 floats, two int32, 64 int8: forward() has two layers that share a helper, and a driver.
NETWORK = r"""
#include <stdint.h>
typedef struct { float f[8]; int32_t n, sum; int8_t a[64]; } net_t;
net_t pz_net;
#ifdef __AVR__
#define PZ_FLASH __flash
#else
#define PZ_FLASH
#endif
static const PZ_FLASH int8_t table[64] __attribute__((section(".rodata.pz"))) = {3, -1, 4, 1, -5, 9, 2, -6};
static volatile int16_t start = 7; /* must be copied to RAM */

__attribute__((noinline)) static int32_t dot(const int8_t *a, int n) {
  int32_t s = 0;
  for (int i = 0; i < n; i++) {
    __asm__ volatile(""); /* no vectors: the counts below are of a plain loop */
    s += (int32_t)a[i] * table[i & 63];
  }
  return s;
}
__attribute__((noinline)) static void net_forward_L0_dot(net_t *c) {
  for (int32_t i = 0; i < c->n; i++) c->sum += dot(c->a, 64) + start;
}
__attribute__((noinline)) static void net_forward_L1_floats(net_t *c) {
  for (int i = 0; i < 8; i++) c->f[i] = c->f[i] * 2.5f + 0.1f / c->f[i] - (float)c->sum;
  if (c->n > 1000) c->sum = 0; /* a path that is not always taken */
  c->sum += dot(c->a, 8) + c->sum / 7 + (int32_t)(((int64_t)c->sum * 1000003) >> 16);
}
void net_forward(net_t *c) {
  net_forward_L0_dot(c);
  net_forward_L1_floats(c);
}
void net_init(net_t *c) { c->sum = 0; }
#ifdef __AVR__
void net_fault(net_t *c) { (void)c; }
#else
void net_fault(net_t *c) { (void)c; __builtin_trap(); }
#endif
void net_spin(net_t *c) { for (;;) c->sum = c->sum + 1; }
__attribute__((noinline)) void net_touch(volatile uint8_t *p) { *p = 1; }
void net_deep(net_t *c) { /* uses a known stretch of stack */
  volatile uint8_t hole[200];
  for (int i = 0; i < 200; i++) hole[i] = (uint8_t)i;
  net_touch(hole);
  c->sum = hole[0] + hole[199];
}
"""
ROOTS = ["net_forward", "net_init", "net_fault", "net_spin", "net_deep", "pz_net"]
LAYERS = {"net_forward_L0_dot": "dot", "net_forward_L1_floats": "floats"}
SIZE = 8 * 4 + 2 * 4 + 64

# 1 + 100 x 2 + 1 instructions; the loop's branch is taken 99 times, then the return is.
LOOP = r"""
int pz_net;
#if defined(__thumb__)
#define BODY "movs r0, #100\n\t1: subs r0, #1\n\tbne 1b\n\tbx lr"
#elif defined(__riscv)
#define BODY "li a0, 100\n\t1: addi a0, a0, -1\n\tbnez a0, 1b\n\tret"
#elif defined(__aarch64__)
#define BODY "mov w0, #100\n\t1: subs w0, w0, #1\n\tb.ne 1b\n\tret"
#elif defined(__AVR__)
#define BODY "ldi r24, 100\n\t1: dec r24\n\tbrne 1b\n\tret"
#endif
__attribute__((naked)) void net_loop(void) { __asm__ volatile(BODY); }
"""
LOOP_INSTRUCTIONS = 202
LOOP_AVR_CYCLES = 1 + 99 * (1 + 2) + (1 + 1) + 4


def inputs(n: int = 5) -> bytes:
    """A filled context."""
    return struct.pack("<8f2i64b", *(0.5 * k + 0.25 for k in range(8)), n, 0, *((7 * k) % 90 - 45 for k in range(64)))


def expected(n: int = 5) -> tuple[list[float], int]:
    """What forward() leaves: floats and sum, computed here with one float32 rounding per operation."""
    import numpy as np

    table = [3, -1, 4, 1, -5, 9, 2, -6] + [0] * 56
    a = [(7 * k) % 90 - 45 for k in range(64)]
    sum_ = n * (sum(x * t for x, t in zip(a, table, strict=True)) + 7)
    f32 = np.float32
    f = [f32(0.5 * k + 0.25) for k in range(8)]
    floats = [f32(f32(f32(x * f32(2.5)) + f32(f32(0.1) / x)) - f32(sum_)) for x in f]
    quotient = int(sum_ / 7)  # C truncates
    sum_ += sum(x * t for x, t in zip(a[:8], table[:8], strict=True)) + quotient + ((sum_ * 1000003) >> 16)
    return [float(x) for x in floats], sum_
