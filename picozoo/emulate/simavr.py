"""simavr: AVR chips with exact cycles. Needs the library and its headers (a helper is compiled against them).

`int` is 16 bits wide on AVR: `call` passes 16-bit arguments and returns a 16-bit result.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from picozoo.build import Image
from picozoo.emulate import _native
from picozoo.emulate._base import Base
from picozoo.emulate._layers import DRIVER, FIRST_LAYER, LayerMap
from picozoo.emulate._machine import STACK_PATTERN, Counts, LayerCount
from picozoo.errors import DoesNotFit, MachineFault, MissingTool

INSTALL = "the AVR emulator is missing: run 'apt install simavr libsimavr-dev'"
HEADERS = (Path("/usr/include/simavr"), Path("/usr/local/include/simavr"), Path("/opt/homebrew/include/simavr"))
DATA_SPACE = 0x80_0000  # where ELF files put AVR's data memory
SP_LOW, SP_HIGH, R1 = 0x5D, 0x5E, 1


def available() -> str | None:
    """None if simavr's library and headers are here, else how to get them."""
    if sys.platform == "win32":
        return "simavr runs on Linux and macOS; on Windows use it inside WSL ('apt install simavr libsimavr-dev')"
    if _headers() is None or _library_name() is None:
        return INSTALL
    return None


def _headers() -> Path | None:
    return next((path for path in HEADERS if (path / "sim_avr.h").is_file()), None)


def _library_name() -> str | None:
    return ctypes.util.find_library("simavr")


class _State(ctypes.Structure):
    """pz_avr of harness/pz_simavr.c."""

    _fields_ = (
        ("kind_of", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("cycles", ctypes.c_void_p),
        ("words", ctypes.c_uint64),
        ("budget", ctypes.c_uint64),
        ("layer", ctypes.c_uint32),
        ("counting", ctypes.c_uint32),
    )


class SimavrMachine(Base):
    """One ATmega328P with the image in its flash and RAM."""

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        super().__init__(image, layers)
        self.emulator = "simavr"
        self._check_fit()
        self._simavr, self._helper = _load()
        make = self._simavr.avr_make_mcu_by_name
        make.restype, make.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        chip = make(image.board.core.cpu.encode())
        if not chip:
            raise MissingTool(f"this simavr does not know the chip {image.board.core.cpu}; {INSTALL}")
        self._avr: int | None = chip
        self._simavr.avr_init(ctypes.c_void_p(chip))
        self._flash = self._helper.pz_avr_flash(chip)
        self._data = self._helper.pz_avr_data(chip)
        self._load_image()
        self._set_up_counting(layers)

    def _check_fit(self) -> None:
        board, image = self.image.board, self.image
        end = max((s.load + s.file_size for s in image.segments), default=0)
        for what, need, have in (("flash", end, board.flash), ("RAM", image.ram_data, board.ram)):
            if have is not None and need > have:
                raise DoesNotFit(f"the image needs {need} bytes of {what} and {board.title} has {have}; it cannot run")

    def _load_image(self) -> None:
        data = self.image.path.read_bytes()
        flash_end = 0
        for s in self.image.segments:
            content = data[s.offset : s.offset + s.file_size]
            ctypes.memmove(self._flash + s.load, content, len(content))
            flash_end = max(flash_end, s.load + len(content))
            if s.address >= DATA_SPACE:
                ctypes.memmove(self._data + s.address - DATA_SPACE, content, len(content))
        self._helper.pz_avr_prepare(ctypes.c_void_p(self._avr), flash_end)

    def _set_up_counting(self, layers: dict[str, str]) -> None:
        words = (self.image.board.flash or 32768) // 2
        self._map = LayerMap(self.image, layers)
        self._kinds = np.zeros(words, np.uint16)
        first, known = self._map.base // 2, self._map.kinds[: words - self._map.base // 2]
        self._kinds[first : first + len(known)] = known
        shape = (FIRST_LAYER + len(self._map.labels), words)
        self._counts, self._cycles = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        self._state = _State(
            self._kinds.ctypes.data, self._counts.ctypes.data, self._cycles.ctypes.data, words, 0, DRIVER, 0
        )

    def _place(self, address: int, size: int, write: bool = False) -> int:
        """Address in this process of a place in the chip's data memory or flash."""
        board = self.image.board
        inside = address - DATA_SPACE
        if inside >= 0 and inside + size <= 0x100 + (board.ram or 0):
            return int(self._data + inside)
        if not write and address >= 0 and address + size <= (board.flash or 0):
            return int(self._flash + address)
        raise MachineFault(f"no memory at {address:#x} for {size} bytes on {board.name}")

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into RAM. Raises MachineFault where there is no RAM."""
        ctypes.memmove(self._place(address, len(data), write=True), bytes(data), len(data))

    def read(self, address: int, size: int) -> bytes:
        """Bytes of RAM or flash. Raises MachineFault where there is no memory."""
        return ctypes.string_at(self._place(address, size), size)

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function with 16-bit arguments; see Machine.call."""
        self.check_args(args)
        start = self.address(symbol)
        for number, value in enumerate(args):
            self.write(DATA_SPACE + 24 - 2 * number, (value & 0xFFFF).to_bytes(2, "little"))
        self.write(DATA_SPACE + R1, b"\0")  # the ABI's zero register
        stop = (self.image.board.flash or 32768) - 2  # a word of flash that no image reaches
        top = 0x100 + (self.image.board.ram or 2048) - 1
        self.write(DATA_SPACE + top - 1, (stop // 2).to_bytes(2, "big"))
        self.write(DATA_SPACE + SP_LOW, (top - 2).to_bytes(2, "little"))
        self._state.budget, self._state.layer = self.budget, DRIVER
        result = self._helper.pz_avr_run(
            ctypes.c_void_p(self._avr), ctypes.byref(self._state), self._simavr.avr_run_one, start, stop
        )
        if result != 0:
            where = self.where(self._helper.pz_avr_pc(ctypes.c_void_p(self._avr)))
            what = "crashed" if result == 2 else f"did not return within {self.budget} instructions; stopped"
            raise MachineFault(f"{symbol} on {self.image.board.name} {what} {where}")
        return int.from_bytes(self.read(DATA_SPACE + 24, 2), "little", signed=True)

    def count(self, on: bool) -> None:
        """Start or stop counting. Off at first."""
        self._state.counting = int(on)

    def counts(self) -> Counts:
        """Exact instructions and cycles since they were reset."""
        layers, total_mix = {}, Counter[str]()
        for kind in range(len(self._counts)):
            mix = self._mix(self._counts[kind])
            total_mix.update(mix)
            if kind >= FIRST_LAYER and self._counts[kind].any():
                label = self._map.labels[kind - FIRST_LAYER]
                instructions, cycles = int(self._counts[kind].sum()), int(self._cycles[kind].sum())
                layers[label] = LayerCount(instructions, dict(mix), cycles)
        functions: Counter[str] = Counter()
        per_word = self._counts.sum(axis=0)
        for word in np.flatnonzero(per_word):
            functions[self.function_at(int(word) * 2) or "?"] += int(per_word[word])
        return Counts(int(self._counts.sum()), int(self._cycles.sum()), layers, dict(functions), dict(total_mix))

    def _mix(self, counts: np.ndarray[Any, Any]) -> Counter[str]:
        mix: Counter[str] = Counter()
        for word in np.flatnonzero(counts):
            opcode = int.from_bytes(ctypes.string_at(self._flash + int(word) * 2, 2), "little")
            mix[classify(opcode)] += int(counts[word])
        return mix

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        self._counts[:] = 0
        self._cycles[:] = 0

    def _stack_range(self) -> tuple[int, int]:
        low = self.image.symbols["__pz_end"].address
        return low, DATA_SPACE + 0x100 + (self.image.board.ram or 2048)

    def paint_stack(self) -> None:
        """Fill the unused RAM with a pattern."""
        low, high = self._stack_range()
        self.write(low, bytes([STACK_PATTERN]) * (high - low))

    def stack_bytes(self) -> int | None:
        """Bytes from the end of RAM down to the lowest one changed since `paint_stack`; the return address counts."""
        low, high = self._stack_range()
        return len(self.read(low, high - low).lstrip(bytes([STACK_PATTERN])))

    def close(self) -> None:
        """Free the emulated chip."""
        if self._avr is not None:
            self._simavr.avr_terminate(ctypes.c_void_p(self._avr))
            self._avr = None


def classify(opcode: int) -> str:
    """Class of an AVR instruction from its first word (AVR instruction set manual, DS40002198).

    Example:
        >>> classify(0x9508)  # ret
        'branch'
    """
    high = opcode >> 12
    jumps = (
        opcode & 0xF800 == 0xF000 or opcode & 0xFE0C == 0x940C or opcode & 0xFFEF == 0x9508 or opcode & 0xFEFF == 0x9409
    )
    if high in (0xC, 0xD) or jumps:
        return "branch"
    if opcode & 0xFC00 == 0x9C00 or opcode & 0xFE00 == 0x0200 or opcode & 0xFF00 == 0x0300:
        return "mul"
    if opcode & 0xFE0E == 0x9004 or opcode & 0xFE0E == 0x9006 or opcode in (0x95C8, 0x95D8):
        return "loadf"
    if opcode & 0xFC00 == 0x9000 or opcode & 0xD000 == 0x8000:
        return "store" if opcode & 0x0200 else "load"
    return "alu"


def _load() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    headers, name = _headers(), _library_name()
    if headers is None or name is None:
        raise MissingTool(INSTALL)
    helper = _native.load("pz_simavr.c", f"-I{headers}")
    library = ctypes.CDLL(name)
    library.avr_global_logger_set(helper.pz_avr_quiet)
    for function in (helper.pz_avr_data, helper.pz_avr_flash):
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    helper.pz_avr_pc.restype = ctypes.c_uint32
    return library, helper


def open(image: Image, layers: dict[str, str]) -> SimavrMachine:
    """A machine with the image loaded."""
    return SimavrMachine(image, layers)
