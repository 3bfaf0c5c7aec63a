"""Arduino Nano 33 BLE (Sense): Nordic nRF52840."""

from picozoo.cores.cortex_m4f import CORE
from picozoo.specs import Board, Energy

BOARD = Board(
    name="nano33ble",
    title="Arduino Nano 33 BLE",
    chip="nRF52840",
    core=CORE,
    flash=1024 * 1024,
    ram=256 * 1024,
    clock_hz=64e6,
    energy=Energy(
        pj_per_cycle=155.0,
        low=131.0,
        high=295.0,
        source=(
            "nRF52840 Product Specification, CPU running CoreMark at 64 MHz and 3 V with the DC/DC regulator: "
            "3.3 mA from flash with cache (the value), 2.8 mA from RAM (low); 6.3 mA from flash with the LDO "
            "regulator (high). The chip alone, without the board's other parts."
        ),
    ),
    emulator="unicorn",
    flash_origin=0,
    ram_origin=0x2000_0000,
)
