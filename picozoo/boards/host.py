"""The machine picozoo runs on: the reference that every board is compared with."""

from picozoo.cores.host import CORE
from picozoo.specs import Board

BOARD = Board(
    name="host",
    title="This machine",
    chip="this machine",
    core=CORE,
    flash=None,
    ram=None,
    clock_hz=None,
    energy=None,
    emulator="host",
    flash_origin=0,
    ram_origin=0,
)
