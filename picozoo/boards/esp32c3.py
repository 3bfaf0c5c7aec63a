"""Espressif ESP32-C3 (DevKitM-1)."""

from picozoo.cores.rv32imc import CORE
from picozoo.specs import Board, Energy

BOARD = Board(
    name="esp32c3",
    title="ESP32-C3",
    chip="ESP32-C3",
    core=CORE,
    flash=4 * 1024 * 1024,
    ram=384 * 1024,
    clock_hz=160e6,
    energy=Energy(
        pj_per_cycle=553.0,
        low=413.0,
        high=578.0,
        source=(
            "26.8 mA at 160 MHz running an empty loop with the radio off (R. Dobson, Investigating ESP32-C3 "
            "Power Management, 2023), 3.3 V assumed; low: 20 mA average in modem sleep (Espressif, ESP-AT "
            "user guide); high: 28 mA, an estimate."
        ),
    ),
    emulator="unicorn",
    flash_origin=0x4200_0000,
    ram_origin=0x3FC8_0000,
    notes=("400 KB of RAM, of which 16 KB are the flash cache. Wi-Fi, when on, takes part of the rest."),
)
