"""Linking to a WebAssembly module, and reading sizes and symbols from it.

Wasm has no addresses of functions: a function's `Symbol.address` is its index. The module exports its memory and the
roots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picozoo.errors import BadFile

if TYPE_CHECKING:
    from picozoo._toolchain import Tools

STACK = 256 * 1024


def link(tools: Tools, folder: Path, objects: Sequence[str], roots: Sequence[str], const_prefix: str) -> dict[str, Any]:
    """Link, and the facts of the image.

    Raises:
        BuildFailed: a symbol that nobody defines, or another linker error.
    """
    exports = [f"--export={root}" for root in (*roots, "__data_end")]
    # The stack comes first: running out of it traps instead of overwriting data.
    flags = ["--no-entry", "--gc-sections", "--stack-first", "-z", f"stack-size={STACK}", "--no-merge-data-segments"]
    command = [tools.compiler[0], "wasm-ld", *flags, *exports, *objects]
    tools.run([*command, "-o", "image.wasm"], folder)
    return facts(folder / "image.wasm", const_prefix)


class Reader:
    """Numbers and names of the wasm binary format (WebAssembly core specification, section 5)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        """One byte."""
        if self.at >= len(self.data):
            raise BadFile("the wasm module ends in the middle of a section")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """Unsigned LEB128."""
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        """Signed LEB128."""
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if self.at + size > len(self.data):
            raise BadFile("the wasm module ends in the middle of a section")
        self.at += size
        return self.data[self.at - size : self.at]

    def name(self) -> str:
        """A string."""
        return self.take(self.number()).decode("utf-8", "replace")


def sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, content) of every section. Raises BadFile for what is not a wasm module."""
    if data[:8] != b"\0asm\x01\0\0\0":
        raise BadFile("not a WebAssembly module of version 1")
    reader = Reader(data)
    reader.at = 8
    while reader.at < len(data):
        kind = reader.byte()
        yield kind, reader.take(reader.number())


def imported_functions(section: bytes) -> int:
    """How many functions an import section brings."""
    reader, count = Reader(section), 0
    for _ in range(reader.number()):
        reader.name(), reader.name()
        kind = reader.byte()
        if kind == 0:
            reader.number()
            count += 1
        elif kind == 3:
            reader.take(2)
        else:
            _limits(reader, kind)
    return count


def _limits(reader: Reader, kind: int) -> None:
    if kind == 1:
        reader.byte()
    bounded = reader.byte() & 1
    reader.number()
    if bounded:
        reader.number()


def facts(path: Path, const_prefix: str) -> dict[str, Any]:
    """Symbols and sizes of a module, as plain values for the cache."""
    parts: dict[int, bytes] = {}
    names: dict[int, dict[int, str]] = {}
    for kind, content in sections(path.read_bytes()):
        if kind == 0:
            names |= _names(content)
        else:
            parts[kind] = content
    first = imported_functions(parts[2]) if 2 in parts else 0
    symbols = _functions(parts.get(10, b"\0"), names.get(1, {}), first)
    symbols |= _variables(parts.get(7, b"\0"), parts.get(6, b"\0"))
    segments = _data(parts.get(11, b"\0"), names.get(9, {}))
    const = sum(n for name, n in segments if name.startswith((".rodata.pz", f".rodata.{const_prefix or '?'}")))
    data = sum(n for name, n in segments if name.startswith((".data", ".tdata")))
    literals = sum(n for _, n in segments) - const - data
    # Everything lies in one memory behind the stack: what is neither table nor literal is .data and .bss.
    static = symbols.pop("__data_end")[0] - STACK
    return {
        "file": path.name,
        "symbols": dict(sorted(symbols.items())),
        "segments": [],
        "flash_code": sum(s[1] for s in symbols.values() if s[3]) + literals,
        "flash_const": const,
        "flash_data": data,
        "ram_data": max(0, static - const - literals),
        "const_symbols": {},
    }


def _names(section: bytes) -> dict[int, dict[int, str]]:
    reader = Reader(section)
    found: dict[int, dict[int, str]] = {}
    if reader.name() != "name":
        return found
    while reader.at < len(section):
        kind = reader.byte()
        part = Reader(reader.take(reader.number()))
        if kind in (1, 9):  # functions, data segments
            found[kind] = {part.number(): part.name() for _ in range(part.number())}
    return found


def _functions(code: bytes, names: dict[int, str], first: int) -> dict[str, list[Any]]:
    reader = Reader(code)
    found: dict[str, list[Any]] = {}
    for index in range(reader.number()):
        size = reader.number()
        reader.take(size)
        name = names.get(first + index, f"function.{first + index}")
        found[name] = [first + index, size, "code", True]
    return found


def _variables(exports: bytes, globals_: bytes) -> dict[str, list[Any]]:
    values = _global_values(globals_)
    reader = Reader(exports)
    found: dict[str, list[Any]] = {}
    for _ in range(reader.number()):
        name, kind, index = reader.name(), reader.byte(), reader.number()
        if kind == 3 and index in values:
            found[name] = [values[index], 0, "data", False]
    return found


def _global_values(section: bytes) -> dict[int, int]:
    reader = Reader(section)
    values: dict[int, int] = {}
    for index in range(reader.number()):
        reader.take(2)
        if reader.byte() == 0x41:  # i32.const
            values[index] = reader.signed()
            reader.byte()
        else:
            raise BadFile("a wasm global does not start with an i32 constant")
    return values


def _data(section: bytes, names: dict[int, str]) -> list[tuple[str, int]]:
    reader = Reader(section)
    found = []
    for index in range(reader.number()):
        if reader.number() == 0:  # active, memory 0
            reader.byte()
            reader.signed()
            reader.byte()
        size = reader.number()
        reader.take(size)
        found.append((names.get(index, ""), size))
    return found
