"""ST 32F746G-DISCOVERY: the Cortex-M7 board that TinyEngine was measured on."""

from picozoo.cores.cortex_m7 import CORE
from picozoo.specs import Board

BOARD = Board(
    name="stm32f746",
    title="STM32F746G-DISCO",
    chip="STM32F746NG",
    core=CORE,
    flash=1024 * 1024,
    ram=320 * 1024,
    clock_hz=216e6,
    energy=None,
    emulator="unicorn",
    flash_origin=0x0800_0000,
    ram_origin=0x2000_0000,
)
