"""Parts that all machines share: symbols, argument checks, the `with` block."""

from __future__ import annotations

import bisect
from types import TracebackType
from typing import Self

from picozoo.build import Image, Symbol
from picozoo.emulate._machine import BUDGET
from picozoo.errors import UsageError


class Base:
    """Symbols of an image, and the life of a machine."""

    emulator = ""

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        self.image = image
        self.layers = layers
        self.budget = BUDGET
        functions = [(s.address, name) for name, s in image.symbols.items() if s.function and s.size]
        # Of several names for one address the plainest one wins: shortest, then first by alphabet.
        functions.sort(key=lambda f: (f[0], len(f[1]), f[1]))
        self._starts = [f[0] for f in functions]
        self._names = [f[1] for f in functions]

    def symbol(self, name: str) -> Symbol:
        """A symbol of the image. Raises UsageError if there is none."""
        found = self.image.symbols.get(name)
        if found is None:
            raise UsageError(f"the image for {self.image.board.name} has no symbol {name!r}; was it given as a root?")
        return found

    def address(self, symbol: str) -> int:
        """Address of a symbol of the image. Raises UsageError if there is none."""
        return self.symbol(symbol).address

    def function_at(self, address: int) -> str | None:
        """Name of the function whose code holds an address."""
        at = bisect.bisect_left(self._starts, address + 1) - 1
        if at < 0:
            return None
        at = bisect.bisect_left(self._starts, self._starts[at])  # the first, plainest, name
        name = self._names[at]
        return name if address < self._starts[at] + self.image.symbols[name].size else None

    def where(self, address: int) -> str:
        """An address for an error message."""
        name = self.function_at(address)
        return f"in {name} (pc {address:#x})" if name else f"outside every function (pc {address:#x})"

    @staticmethod
    def check_args(args: tuple[int, ...], most: int = 4) -> None:
        """Raises UsageError for more arguments than the registers hold."""
        if len(args) > most:
            raise UsageError(f"call takes at most {most} arguments, got {len(args)}")

    def close(self) -> None:
        """Free what the machine holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def signed32(value: int) -> int:
    """Low 32 bits as a signed number.

    Example:
        >>> signed32(0xFFFFFFFE)
        -2
    """
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
