"""Coral Dev Board Micro: NXP i.MX RT1176, its Cortex-M7 (the accelerator is not used)."""

from picozoo.cores.cortex_m7 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="coral_micro",
    title="Coral Dev Board Micro",
    chip="i.MX RT1176",
    core=CORE,
    flash=128 * 1024 * 1024,
    ram=64 * 1024 * 1024,
    clock_hz=800e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x3000_0000,
    ram_origin=0x8000_0000,
    notes=(
        "The NAND flash is not mapped into memory: firmware copies code and tables to the 64 MB SDRAM at "
        "start, so tables need room in both. Tables that do not fit the caches are limited by the SDRAM, not "
        "by the core."
    ),
)
