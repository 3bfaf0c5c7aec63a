"""Raspberry Pi Pico: RP2040 (one of its two cores is used)."""

from picozoo.cores.cortex_m0plus import CORE
from picozoo.specs import Board

BOARD = Board(
    name="pico",
    title="Raspberry Pi Pico",
    chip="RP2040",
    core=CORE,
    flash=2 * 1024 * 1024,
    ram=264 * 1024,
    clock_hz=133e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x1000_0000,
    ram_origin=0x2000_0000,
    notes=(
        "Flash is a serial chip behind a 16 KB cache; a cold table costs far more than the model says unless "
        "it is copied to RAM."
    ),
)
