/* Arm MPS3 with image AN547 (QEMU's mps3-an547): UART 0, a CMSDK APB UART (Arm DDI 0479, section 4.3). */
#include "pz_monitor.h"

typedef struct {
    volatile uint32_t data, state, control, interrupt, divider;
} pz_cmsdk_uart;

#define PZ_UART ((pz_cmsdk_uart *)0x49303000u)

PZ_HARNESS void pz_board_init(void)
{
    PZ_UART->divider = 16; /* the fastest; an emulated line has no noise */
    PZ_UART->control = 3;  /* transmit, receive */
    (void)PZ_UART->data;   /* QEMU looks at its input again only when the last byte was taken */
}

PZ_HARNESS int pz_board_get(void)
{
    while ((PZ_UART->state & 2u) == 0u) {
    }
    return (int)(PZ_UART->data & 255u);
}

PZ_HARNESS void pz_board_put(int byte)
{
    while ((PZ_UART->state & 1u) != 0u) {
    }
    PZ_UART->data = (uint32_t)byte;
}
