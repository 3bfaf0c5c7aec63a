"""Espressif ESP32-C3 (DevKitM-1)."""

from picozoo.cores.rv32imc import CORE
from picozoo.specs import Board

BOARD = Board(
    name="esp32c3",
    title="ESP32-C3",
    chip="ESP32-C3",
    core=CORE,
    flash=4 * 1024 * 1024,
    ram=384 * 1024,
    clock_hz=160e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x4200_0000,
    ram_origin=0x3FC8_0000,
    notes=(
        "400 KB of RAM, of which 16 KB are the flash cache. Wi-Fi, when on, takes part of the rest."
    ),
)
