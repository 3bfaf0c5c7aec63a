/* Start-up of a Cortex-M with the monitor: vector table, FPU and vector unit on, data and bss, faults reported. */
#include "pz_monitor.h"

extern uint32_t __pz_stack_top[], __pz_data_load[], __pz_data_start[], __pz_data_end[], __pz_bss_start[], __pz_bss_end[];

void pz_reset(void);
void pz_fault(void);
void pz_fault_report(const uint32_t *frame);

#define PZ_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define PZ_CFSR (*(volatile uint32_t *)0xE000ED28u)
#define PZ_HFSR (*(volatile uint32_t *)0xE000ED2Cu)

__attribute__((section(".pz_harness.vectors"), used)) const void *const pz_vectors[16] = {
    __pz_stack_top, (const void *)pz_reset, (const void *)pz_fault, (const void *)pz_fault,
    (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault,
    (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault,
    (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault, (const void *)pz_fault,
};

PZ_HARNESS void pz_reset(void)
{
    PZ_CPACR |= 0xFu << 20; /* coprocessors 10 and 11: FPU and Helium */
    __asm__ volatile("dsb\n\tisb");
    const volatile uint32_t *from = __pz_data_load;
    for (volatile uint32_t *to = __pz_data_start; to < __pz_data_end; to++, from++) {
        *to = *from;
    }
    for (volatile uint32_t *to = __pz_bss_start; to < __pz_bss_end; to++) {
        *to = 0;
    }
    pz_monitor();
}

/* Say what happened, then return from the exception into the monitor, on a fresh stack. */
__attribute__((naked, section(".pz_harness.text"))) void pz_fault(void)
{
    __asm__ volatile(
        "mrs r0, msp\n\t"
        "ldr r1, =__pz_stack_top\n\t"
        "sub r1, #512\n\t"
        "msr msp, r1\n\t"
        "bl pz_fault_report\n\t"
        "ldr r1, =__pz_stack_top\n\t"
        "sub r1, #32\n\t"
        "msr msp, r1\n\t"
        "movs r0, #0\n\t"
        "str r0, [r1, #0]\n\t"
        "str r0, [r1, #4]\n\t"
        "str r0, [r1, #8]\n\t"
        "str r0, [r1, #12]\n\t"
        "str r0, [r1, #16]\n\t"
        "str r0, [r1, #20]\n\t"
        "ldr r0, =pz_monitor_resume\n\t"
        "bic r0, #1\n\t"
        "str r0, [r1, #24]\n\t"
        "mov r0, #0x01000000\n\t" /* Thumb state, no IT block, no interrupted loop */
        "str r0, [r1, #28]\n\t"
        "ldr r0, =0xFFFFFFF9\n\t" /* to thread mode, main stack, no float context */
        "bx r0\n\t"
        ".ltorg");
}

PZ_HARNESS void pz_fault_report(const uint32_t *frame)
{
    uint32_t status = PZ_CFSR;
    PZ_CFSR = status;
    PZ_HFSR = PZ_HFSR;
    /* A broken stack pointer leaves no frame to read. */
    int good = (status & 0x1010u) == 0u && (uintptr_t)frame < (uintptr_t)__pz_stack_top;
    pz_monitor_fault(good ? frame[6] : 0u, status);
}
