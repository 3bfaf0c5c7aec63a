"""Arduino Nano 33 BLE (Sense): Nordic nRF52840."""

from picozoo.cores.cortex_m4f import CORE
from picozoo.specs import Board

BOARD = Board(
    name="nano33ble",
    title="Arduino Nano 33 BLE",
    chip="nRF52840",
    core=CORE,
    flash=1024 * 1024,
    ram=256 * 1024,
    clock_hz=64e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0,
    ram_origin=0x2000_0000,
)
