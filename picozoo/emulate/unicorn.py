"""Unicorn: Arm Thumb, RISC-V and AArch64 cores, counted exactly by a native hook on every basic block.

An instruction in an IT block whose condition is false still counts: it takes its slot on the real core too.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Callable
from typing import Any

import unicorn
from unicorn import arm64_const, arm_const, riscv_const
from unicorn.unicorn_py3 import unicorn as binding

from picozoo.build import Image
from picozoo.emulate import _native
from picozoo.emulate._base import Base, signed32
from picozoo.emulate._blocks import BlockTable, CBlocks, account
from picozoo.emulate._decode import Decoder
from picozoo.emulate._layers import LayerMap
from picozoo.emulate._machine import STACK_LIMIT, STACK_PATTERN, Counts
from picozoo.errors import MachineFault

PAGE = 4096
SPARE_STACK = 64 * 1024  # at least this much stack, even when the image leaves no RAM for it
EXIT_PAGES = (0x7000_0000, 0x0F00_0000)  # a page that functions return to; the first one that is free


def available() -> str | None:
    """Unicorn is a dependency: always there."""
    return None


class _State(ctypes.Structure):
    """pz_unicorn of harness/pz_unicorn_hook.c."""

    _fields_ = (("blocks", CBlocks), ("stop", ctypes.c_void_p))


class _Arch:
    """Register numbers and modes of one instruction set."""

    def __init__(
        self, name: str, arch: int, mode: int, pc: int, sp: int, link: int, args: list[int], thumb: int, models: Any
    ) -> None:
        self.name, self.arch, self.mode = name, arch, mode
        self.pc, self.sp, self.link, self.args = pc, sp, link, args
        self.thumb = thumb
        self.models = models


def _arch(name: str) -> _Arch:
    if name == "arm":
        a = arm_const
        args = [a.UC_ARM_REG_R0, a.UC_ARM_REG_R1, a.UC_ARM_REG_R2, a.UC_ARM_REG_R3]
        mode = unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        return _Arch(
            name, unicorn.UC_ARCH_ARM, mode, a.UC_ARM_REG_PC, a.UC_ARM_REG_SP, a.UC_ARM_REG_LR, args, 1, arm_const
        )
    if name == "aarch64":
        b = arm64_const
        args = [b.UC_ARM64_REG_X0, b.UC_ARM64_REG_X1, b.UC_ARM64_REG_X2, b.UC_ARM64_REG_X3]
        mode = unicorn.UC_MODE_ARM
        return _Arch(
            name, unicorn.UC_ARCH_ARM64, mode, b.UC_ARM64_REG_PC, b.UC_ARM64_REG_SP, b.UC_ARM64_REG_LR, args, 0, b
        )
    r = riscv_const
    args = [r.UC_RISCV_REG_A0, r.UC_RISCV_REG_A1, r.UC_RISCV_REG_A2, r.UC_RISCV_REG_A3]
    mode = unicorn.UC_MODE_RISCV32
    return _Arch(name, unicorn.UC_ARCH_RISCV, mode, r.UC_RISCV_REG_PC, r.UC_RISCV_REG_SP, r.UC_RISCV_REG_RA, args, 0, r)


class UnicornMachine(Base):
    """One emulated core with the image in its flash and RAM."""

    emulator = f"unicorn {importlib.metadata.version('unicorn')}"

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        super().__init__(image, layers)
        core = image.board.core
        self._arch = _arch(core.arch)
        self._uc: Any = binding.Uc(self._arch.arch, self._arch.mode)
        if core.cpu:
            self._uc.ctl_set_cpu_model(getattr(self._arch.models, core.cpu))
        self._map_memory()
        self._enable_fpu()
        self._layers = LayerMap(image, layers)
        self._state = _State()
        self._table = BlockTable(self._state.blocks, self._layers)
        self._decoder = Decoder(core.arch, self.read)
        self._hook()

    def _map_memory(self) -> None:
        """Flash (read, execute), RAM (read, write) and the page that calls return to."""
        board = self.image.board
        flash_end = max([s.load + s.size for s in self.image.segments if s.flags & 2 == 0], default=board.flash_origin)
        ram_used = max([s.address + s.size for s in self.image.segments if s.flags & 2], default=board.ram_origin)
        flash = _pages(flash_end - board.flash_origin)
        ram = _pages(max(board.ram or 0, ram_used - board.ram_origin + SPARE_STACK))
        self._uc.mem_map(board.flash_origin, flash, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._uc.mem_map(board.ram_origin, ram, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        taken = ((board.flash_origin, flash), (board.ram_origin, ram))
        self._exit = next(e for e in EXIT_PAGES if all(not (a <= e < a + n) for a, n in taken))
        self._uc.mem_map(self._exit, PAGE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._stack_top = board.ram_origin + ram
        self._stack_low = max(self._stack_top - STACK_LIMIT, (ram_used + 15) & ~15)
        data = self.image.path.read_bytes()
        for s in self.image.segments:
            if s.file_size:
                self._uc.mem_write(s.address, data[s.offset : s.offset + s.file_size])

    def _enable_fpu(self) -> None:
        if self._arch.name == "arm":
            # Coprocessors 10 and 11, full access (CPACR of the Armv7-M and Armv8-M reference manuals).
            self._uc.reg_write(arm_const.UC_ARM_REG_C1_C0_2, 0xF << 20)
            self._uc.reg_write(arm_const.UC_ARM_REG_FPEXC, 1 << 30)
        elif self._arch.name == "aarch64":
            self._uc.reg_write(arm64_const.UC_ARM64_REG_CPACR_EL1, 3 << 20)

    def _hook(self) -> None:
        library = _native.load("pz_unicorn_hook.c")
        stop = ctypes.cast(binding.uclib.uc_emu_stop, ctypes.c_void_p)
        self._state.stop = stop.value
        handle = ctypes.c_size_t()
        status = binding.uclib.uc_hook_add(
            self._uc._uch,
            ctypes.byref(handle),
            unicorn.UC_HOOK_BLOCK,
            ctypes.cast(library.pz_unicorn_hook, ctypes.c_void_p),
            ctypes.addressof(self._state),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != unicorn.UC_ERR_OK:
            raise MachineFault(f"unicorn refused the counting hook (error {status})")

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into RAM. Raises MachineFault where there is no RAM."""
        self._memory(lambda: self._uc.mem_write(address, bytes(data)), address, len(data))

    def read(self, address: int, size: int) -> bytes:
        """Bytes of RAM or flash. Raises MachineFault where there is no memory."""
        return bytes(self._memory(lambda: self._uc.mem_read(address, size), address, size))

    def _memory(self, access: Callable[[], Any], address: int, size: int) -> Any:
        try:
            return access()
        except binding.UcError as error:
            raise MachineFault(f"no memory at {address:#x} for {size} bytes on {self.image.board.name}") from error

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function; see Machine.call."""
        self.check_args(args)
        start = self.address(symbol)
        arch = self._arch
        for register, value in zip(arch.args, args, strict=False):
            self._uc.reg_write(register, value & 0xFFFFFFFFFFFFFFFF if arch.name == "aarch64" else value & 0xFFFFFFFF)
        self._uc.reg_write(arch.sp, self._stack_top)
        self._uc.reg_write(arch.link, self._exit | arch.thumb)
        bytes_per_instruction = 4 if arch.name == "aarch64" else 3  # mean of 2- and 4-byte ones, near enough
        self._table.start(self.budget * bytes_per_instruction)
        try:
            self._uc.emu_start(start | arch.thumb, self._exit)
        except binding.UcError as error:
            raise MachineFault(f"{symbol} on {self.image.board.name}: {error} {self.where(self._pc())}") from error
        if self._state.blocks.stopped:
            raise MachineFault(
                f"{symbol} on {self.image.board.name} did not return within about {self.budget} instructions; "
                f"stopped {self.where(self._pc())}"
            )
        if self._pc() != self._exit:
            raise MachineFault(f"{symbol} on {self.image.board.name} stopped {self.where(self._pc())}")
        return signed32(self._uc.reg_read(arch.args[0]))

    def _pc(self) -> int:
        return int(self._uc.reg_read(self._arch.pc)) & ~self._arch.thumb

    def count(self, on: bool) -> None:
        """Start or stop counting. Off at first."""
        self._state.blocks.counting = int(on)
        self._state.blocks.last = None

    def counts(self) -> Counts:
        """Exact instruction counts since they were reset."""
        return account(self._table.blocks(), self._decoder, self.function_at, self._layers.labels)

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        self._table.reset()

    def paint_stack(self) -> None:
        """Fill the unused stack with a pattern."""
        self.write(self._stack_low, bytes([STACK_PATTERN]) * (self._stack_top - self._stack_low))

    def stack_bytes(self) -> int | None:
        """Bytes from the top of the stack down to the lowest one changed since `paint_stack`."""
        stack = self.read(self._stack_low, self._stack_top - self._stack_low)
        return len(stack.lstrip(bytes([STACK_PATTERN])))


def _pages(size: int) -> int:
    return max(PAGE, (size + PAGE - 1) // PAGE * PAGE)


def open(image: Image, layers: dict[str, str]) -> UnicornMachine:
    """A machine with the image loaded."""
    return UnicornMachine(image, layers)
