"""Raspberry Pi Pico 2: RP2350 (one of its two Arm cores is used)."""

from picozoo.cores.cortex_m33 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="pico2",
    title="Raspberry Pi Pico 2",
    chip="RP2350",
    core=CORE,
    flash=4 * 1024 * 1024,
    ram=520 * 1024,
    clock_hz=150e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x1000_0000,
    ram_origin=0x2000_0000,
    notes=(
        "Flash is a serial chip behind a 16 KB cache; a cold table costs far more than the model says unless "
        "it is copied to RAM."
    ),
)
