"""ST NUCLEO-U575ZI-Q: the Cortex-M33 board of MLPerf Tiny."""

from picozoo.cores.cortex_m33 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="stm32u575",
    title="NUCLEO-U575ZI-Q",
    chip="STM32U575ZI",
    core=CORE,
    flash=2 * 1024 * 1024,
    ram=768 * 1024,
    clock_hz=160e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
    notes=(
        "768 KB of RAM are in one piece; the other 18 KB (SRAM4 and backup RAM) are not used."
    ),
)
