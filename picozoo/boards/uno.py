"""Arduino Uno: Microchip ATmega328P."""

from picozoo.cores.avr import CORE
from picozoo.specs import Board

BOARD = Board(
    name="uno",
    title="Arduino Uno",
    chip="ATmega328P",
    core=CORE,
    flash=32 * 1024,
    ram=2 * 1024,
    clock_hz=16e6,
    energy=None,
    emulator="simavr",
    flash_origin=0,
    ram_origin=0x80_0100,
    notes=(
        "512 bytes of the flash hold the boot loader. Constants are read with LPM."
    ),
)
