"""This machine itself: the shared library is loaded into the process.

No counts, and no protection from bad pointers.
"""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

from picozoo.build import Image
from picozoo.emulate._base import Base, signed32
from picozoo.emulate._machine import Counts
from picozoo.errors import MachineFault, UsageError


def available() -> str | None:
    """Always there."""
    return None


class HostMachine(Base):
    """The image in this process. A call that never returns cannot be stopped; a bad pointer ends the process."""

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        super().__init__(image, layers)
        self.emulator = f"this machine ({platform.machine()})"
        self._library: ctypes.CDLL | None = _load_private(image.path)

    def _symbol_address(self, symbol: str) -> int:
        if self._library is None:
            raise UsageError("this machine is closed")
        try:
            found = ctypes.c_char.in_dll(self._library, symbol)
        except ValueError as error:
            raise UsageError(f"the image for host has no symbol {symbol!r}; was it given as a root?") from error
        return ctypes.addressof(found)

    def address(self, symbol: str) -> int:
        """Address of an exported symbol in this process. Raises UsageError if there is none."""
        return self._symbol_address(symbol)

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into the image's variables. Raises MachineFault for any other place."""
        self._check(address, len(data))
        ctypes.memmove(address, bytes(data), len(data))

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the image's variables. Raises MachineFault for any other place."""
        self._check(address, size)
        return ctypes.string_at(address, size)

    def _check(self, address: int, size: int) -> None:
        """Only within the image: a wrong offset must not touch the process that runs the tests."""
        if not self.image.symbols:  # not an ELF file: nothing is known of its extent
            return
        root = next(r for r in self.image.roots if r in self.image.symbols)
        shift = self._symbol_address(root) - self.image.symbols[root].address
        low = min(s.address for s in self.image.segments) + shift
        high = max(s.address + s.size for s in self.image.segments) + shift
        if not (low <= address and address + size <= high):
            raise MachineFault(f"no memory of the image at {address:#x} for {size} bytes on host")

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function; see Machine.call."""
        self.check_args(args)
        function = ctypes.CFUNCTYPE(ctypes.c_int, *([ctypes.c_void_p] * len(args)))(self._symbol_address(symbol))
        return signed32(int(function(*args)))

    def count(self, on: bool) -> None:
        """Nothing is counted here."""

    def counts(self) -> Counts:
        """All unknown."""
        return Counts(None)

    def reset_counts(self) -> None:
        """Nothing to reset."""

    def paint_stack(self) -> None:
        """Nothing: the stack belongs to the process."""

    def stack_bytes(self) -> int | None:
        """Unknown."""
        return None

    def close(self) -> None:
        """Drop the library; the process may keep it mapped."""
        self._library = None


def _load_private(path: Path) -> ctypes.CDLL:
    """Load a copy of the library, so that two machines of one image have two states."""
    import os
    import shutil
    import tempfile

    handle, name = tempfile.mkstemp(suffix=path.suffix, dir=path.parent.parent, prefix=".host-")
    os.close(handle)
    try:
        shutil.copyfile(path, name)
        return ctypes.CDLL(name)
    finally:
        if os.name != "nt":  # Windows keeps loaded files locked; the cache is pruned anyway
            os.unlink(name)


def open(image: Image, layers: dict[str, str]) -> HostMachine:
    """A machine with the image loaded."""
    return HostMachine(image, layers)
