"""A real board on a serial port, running harness/pz_monitor.c. No counts: only results, stack and wall time.

The firmware must be on the board already; `write`, `read` and `call` then work as on an emulated board.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from picozoo.build import Image
from picozoo.emulate._base import Base, signed32
from picozoo.emulate._machine import Counts
from picozoo.emulate._protocol import BoardFaultError, Link
from picozoo.errors import MachineFault, MissingTool

BAUD = 115200
SECONDS = 600.0  # for one call; a network on a slow chip may take minutes


def available() -> str | None:
    """None if pyserial is installed, else how to get it."""
    if importlib.util.find_spec("serial") is None:
        return "talking to a board needs pyserial: run 'pip install \"picozoo[serial]\"'"
    return None


class SerialMachine(Base):
    """The board on a port.

    Raises:
        MachineFault: the port cannot be opened, or nothing on it answers.
    """

    def __init__(self, image: Image, layers: dict[str, str], port: str, baud: int = BAUD) -> None:
        super().__init__(image, layers)
        import serial

        try:
            self._port: Any = serial.Serial(port, baud, timeout=0.05)
        except (serial.SerialException, OSError) as error:
            raise MachineFault(f"cannot open {port}: {error}; is the board plugged in and the port free?") from error
        self.emulator = f"{image.board.title} on {port}"
        self._link = Link(self._read_bytes, self._write_bytes)
        self._thumb = 1 if image.board.core.arch == "arm" else 0
        try:
            self._link.hello()
        except BaseException:
            self.close()
            raise

    def _read_bytes(self, size: int, seconds: float) -> bytes:
        self._port.timeout = seconds
        return bytes(self._port.read(size))

    def _write_bytes(self, data: bytes) -> None:
        self._port.write(data)
        self._port.flush()

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into RAM."""
        try:
            self._link.write(address, bytes(data))
        except BoardFaultError as fault:
            raise MachineFault(f"writing {len(data)} bytes at {address:#x} faulted") from fault

    def read(self, address: int, size: int) -> bytes:
        """Bytes of RAM or flash."""
        try:
            return self._link.read(address, size)
        except BoardFaultError as fault:
            raise MachineFault(f"reading {size} bytes at {address:#x} faulted") from fault

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function; see Machine.call. A call that never returns needs the board's reset button."""
        self.check_args(args)
        try:
            return signed32(self._link.call(self.address(symbol) | self._thumb, args, SECONDS))
        except BoardFaultError as fault:
            what = f"{symbol} on {self.image.board.name} faulted (status {fault.status:#x})"
            raise MachineFault(f"{what} {self.where(fault.pc)}") from fault

    def count(self, on: bool) -> None:
        """Nothing is counted on a real board."""

    def counts(self) -> Counts:
        """All unknown."""
        return Counts(None)

    def reset_counts(self) -> None:
        """Nothing to reset."""

    def paint_stack(self) -> None:
        """Fill the unused stack with a pattern."""
        self._link.paint_stack()

    def stack_bytes(self) -> int | None:
        """Bytes of stack that the last call used."""
        return self._link.stack_bytes()

    def close(self) -> None:
        """Free the port."""
        self._port.close()


def open(image: Image, layers: dict[str, str], port: str) -> SerialMachine:
    """The board on `port`. Raises MissingTool without pyserial."""
    reason = available()
    if reason is not None:
        raise MissingTool(reason)
    return SerialMachine(image, layers, port)
