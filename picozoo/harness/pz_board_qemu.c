/* Byte stream of an Arm core under QEMU: semihosting (Arm IHI 0100) on two named pipes in QEMU's working folder.
 *
 * An emulated UART passes one byte per turn of QEMU's main loop, 16 kB/s; this passes what is there at once.
 */
#include "pz_monitor.h"

enum { PZ_SYS_OPEN = 1, PZ_SYS_WRITE = 5, PZ_SYS_READ = 6, PZ_SYS_EXIT = 0x18, PZ_READ_BINARY = 1, PZ_WRITE_BINARY = 5, PZ_BUFFER = 4096 };

static uint32_t pz_in_file PZ_HARNESS_BSS, pz_out_file PZ_HARNESS_BSS;
static uint32_t pz_in_at PZ_HARNESS_BSS, pz_in_end PZ_HARNESS_BSS, pz_out_end PZ_HARNESS_BSS;
static uint8_t pz_in[PZ_BUFFER] PZ_HARNESS_BSS, pz_out[PZ_BUFFER] PZ_HARNESS_BSS;
static const char pz_in_name[] __attribute__((section(".pz_harness.rodata"))) = "pz_in";
static const char pz_out_name[] __attribute__((section(".pz_harness.rodata"))) = "pz_out";

PZ_HARNESS_INLINE uint32_t pz_semihost(uint32_t operation, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t block[3] = {a, b, c};
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static PZ_HARNESS void pz_flush(void)
{
    if (pz_out_end != 0u) {
        pz_semihost(PZ_SYS_WRITE, pz_out_file, (uint32_t)(uintptr_t)pz_out, pz_out_end);
        pz_out_end = 0;
    }
}

/* Ends QEMU: reason "application exit". */
static PZ_HARNESS void pz_exit(void)
{
    register uint32_t r0 __asm__("r0") = PZ_SYS_EXIT;
    register uint32_t r1 __asm__("r1") = 0x20026u;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

PZ_HARNESS void pz_board_init(void)
{
    pz_in_file = pz_semihost(PZ_SYS_OPEN, (uint32_t)(uintptr_t)pz_in_name, PZ_READ_BINARY, sizeof pz_in_name - 1u);
    pz_out_file = pz_semihost(PZ_SYS_OPEN, (uint32_t)(uintptr_t)pz_out_name, PZ_WRITE_BINARY, sizeof pz_out_name - 1u);
    pz_in_at = pz_in_end = pz_out_end = 0;
}

PZ_HARNESS int pz_board_get(void)
{
    while (pz_in_at == pz_in_end) {
        pz_flush(); /* the other side waits for this before it sends more */
        pz_in_end = PZ_BUFFER - pz_semihost(PZ_SYS_READ, pz_in_file, (uint32_t)(uintptr_t)pz_in, PZ_BUFFER);
        pz_in_at = 0;
        if (pz_in_end == 0u) { /* the other side is gone */
            pz_exit();
        }
    }
    return pz_in[pz_in_at++];
}

PZ_HARNESS void pz_board_put(int byte)
{
    pz_out[pz_out_end++] = (uint8_t)byte;
    if (pz_out_end == PZ_BUFFER) {
        pz_flush();
    }
}
