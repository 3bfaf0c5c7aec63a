"""ST NUCLEO-L4R5ZI: the Cortex-M4 board of MLPerf Tiny."""

from picozoo.cores.cortex_m4f import CORE
from picozoo.specs import Board, Energy

BOARD = Board(
    name="nucleo_l4r5zi",
    title="NUCLEO-L4R5ZI",
    chip="STM32L4R5ZI",
    core=CORE,
    flash=2 * 1024 * 1024,
    ram=640 * 1024,
    clock_hz=120e6,
    energy=Energy(
        pj_per_cycle=276.0,
        low=275.0,
        high=282.0,
        source=(
            "MLPerf Tiny v1.3, STMicroelectronics NUCLEO_L4R5ZI-P: published energy per inference over "
            "published inferences per second at 120 MHz, for ad (279), ic (276), kws (275) and vww (282)."
        ),
    ),
    emulator="unicorn",
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
)
