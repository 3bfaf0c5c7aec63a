"""Arduino Uno: Microchip ATmega328P."""

from picozoo.cores.avr import CORE
from picozoo.specs import Board, Energy

BOARD = Board(
    name="uno",
    title="Arduino Uno",
    chip="ATmega328P",
    core=CORE,
    flash=32 * 1024,
    ram=2 * 1024,
    clock_hz=16e6,
    energy=Energy(
        pj_per_cycle=3250.0,
        low=3250.0,
        high=5625.0,
        source=(
            "ATmega328P datasheet (Atmel 8271H), table 29-12: active at 8 MHz and 5 V, 5.2 mA typical (the "
            "value), 9 mA at most (high), taken as proportional to the clock. The chip alone; the board's "
            "regulator and USB chip draw more."
        ),
    ),
    emulator="simavr",
    flash_origin=0,
    ram_origin=0x80_0100,
    notes=("512 bytes of the flash hold the boot loader. Constants are read with LPM."),
)
