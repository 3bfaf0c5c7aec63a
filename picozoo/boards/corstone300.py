"""Arm Corstone-300 (MPS3 board, image AN547): Cortex-M55 with Helium."""

from picozoo.cores.cortex_m55 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="corstone300",
    title="Corstone-300",
    chip="SSE-300",
    core=CORE,
    flash=2 * 1024 * 1024,
    ram=4 * 1024 * 1024,
    clock_hz=None,
    energy=None,
    emulator="qemu",
    flash_origin=0x0100_0000,
    ram_origin=0x2100_0000,
    notes=(
        "A design platform: it has no clock or energy of its own. Code and tables are in the 2 MB code SRAM, "
        "data in the 4 MB SRAM."
    ),
)
