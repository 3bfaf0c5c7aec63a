"""Instruction counts and classes of a piece of code, by capstone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import capstone

from picozoo.emulate import _classes
from picozoo.emulate._blocks import Decoded
from picozoo.errors import Unsupported

_MODES = {
    "arm": (capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8),
    "riscv32": (capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC),
    "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN),
}


class Decoder:
    """Decodes blocks of one image; each (address, size) once."""

    def __init__(self, arch: str, read: Callable[[int, int], bytes]) -> None:
        if arch not in _MODES:
            raise Unsupported(f"no disassembler for {arch}; known: {', '.join(_MODES)}")
        self._arch = arch
        self._engine = capstone.Cs(*_MODES[arch])
        self._read = read
        self._known: dict[tuple[int, int], Decoded] = {}

    def __call__(self, address: int, size: int) -> Decoded:
        """Instructions of the `size` bytes of code at `address`."""
        key = (address, size)
        if key not in self._known:
            self._known[key] = self._decode(address, self._read(address, size))
        return self._known[key]

    def _decode(self, address: int, code: bytes) -> Decoded:
        mix: Counter[str] = Counter()
        previous, at, instructions = "", 0, 0
        while at < len(code):
            length = _classes.length(self._arch, code, at)
            found = next(self._engine.disasm_lite(code[at : at + length], address + at), None)
            name, operands = (found[2], found[3]) if found else ("", "")
            kind = _classes.classify(self._arch, name, operands, code[at : at + length])
            mix[kind] += 1
            for event, times in _classes.events(kind, previous, name, operands):
                mix[event] += times
            previous, at, instructions = kind, at + length, instructions + 1
        return Decoded(instructions, dict(mix), previous)
