"""Raspberry Pi Zero 2 W: one of its four Cortex-A53 cores."""

from picozoo.cores.cortex_a53 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="rpi_zero2",
    title="Raspberry Pi Zero 2 W",
    chip="RP3A0 (BCM2710A1)",
    core=CORE,
    flash=None,
    ram=512 * 1024 * 1024,
    clock_hz=1e9,
    energy=None,
    emulator="unicorn",
    flash_origin=0x0020_0000,
    ram_origin=0x4000_0000,
    notes=(
        "Runs Linux; the emulator runs the same code without it. Programs come from an SD card, so flash is no limit."
    ),
)
