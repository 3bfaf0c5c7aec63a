/* What the monitor needs of a board, and what a board's start-up code calls. */
#ifndef PZ_MONITOR_H
#define PZ_MONITOR_H

#include <stdint.h>

/* Harness code and data go to sections of their own, so that they never count as the network's. */
#define PZ_HARNESS __attribute__((section(".pz_harness.text"), noinline))
#define PZ_HARNESS_INLINE static inline __attribute__((always_inline))
#define PZ_HARNESS_BSS __attribute__((section(".pz_harness.bss")))

/* A board provides these three, on any byte stream: UART, USB serial, debug channel. */
void pz_board_init(void);
int pz_board_get(void); /* next byte, waits */
void pz_board_put(int byte);

void pz_monitor(void) __attribute__((noreturn));                 /* serves requests for ever */
void pz_monitor_fault(uint32_t pc, uint32_t status);             /* tells the other side that a call faulted */
void pz_monitor_resume(void) __attribute__((noreturn));          /* back to serving after a fault */

#endif
