"""ST NUCLEO-U575ZI-Q: the Cortex-M33 board of MLPerf Tiny."""

from picozoo.cores.cortex_m33 import CORE
from picozoo.specs import Board, Energy

BOARD = Board(
    name="stm32u575",
    title="NUCLEO-U575ZI-Q",
    chip="STM32U575ZI",
    core=CORE,
    flash=2 * 1024 * 1024,
    ram=768 * 1024,
    clock_hz=160e6,
    energy=Energy(
        pj_per_cycle=147.0,
        low=143.0,
        high=150.0,
        source=(
            "MLPerf Tiny v1.3, STMicroelectronics NUCLEO_U575ZI_Q: published energy per inference over "
            "published inferences per second at 160 MHz, for ad (150), ic (146), kws (143) and vww (145)."
        ),
    ),
    emulator="unicorn",
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
    notes=("768 KB of RAM are in one piece; the other 18 KB (SRAM4 and backup RAM) are not used."),
)
