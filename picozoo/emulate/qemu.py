"""QEMU's mps3-an547: Cortex-M55 with Helium, driven by our monitor over two pipes, counted by a TCG plugin of ours.

The plugin counts into a file that is mapped here too, so counting is switched and read without asking QEMU. Where this
QEMU has no plugins the machine works without counts.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from picozoo.build import Image
from picozoo.emulate import _native
from picozoo.emulate._base import Base, signed32
from picozoo.emulate._blocks import Block, CBlock, CBlocks, account
from picozoo.emulate._decode import Decoder
from picozoo.emulate._layers import DRIVER, LayerMap
from picozoo.emulate._machine import Counts
from picozoo.emulate._protocol import BoardFaultError, Link
from picozoo.errors import BuildFailed, DoesNotFit, MachineFault, MissingTool

PROGRAM = "qemu-system-arm"
SLOTS = 1 << 15
SECONDS = 600.0  # for one call, when nothing counts its instructions


def available() -> str | None:
    """None if QEMU for Arm is here, else how to get it."""
    if sys.platform == "win32":
        return "the QEMU machine needs Linux or macOS; on Windows use WSL ('apt install qemu-system-arm')"
    if shutil.which(PROGRAM) is None:
        return "the Cortex-M55 emulator is missing: run 'apt install qemu-system-arm'"
    return None


@cache
def version() -> tuple[int, int]:
    """Version of the installed QEMU, (0, 0) if it does not say."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


class _Shared(ctypes.Structure):
    """pz_shared of harness/pz_qemu_plugin.c."""

    _fields_ = (
        ("blocks", CBlocks),
        ("file_size", ctypes.c_uint64),
        ("kinds_at", ctypes.c_uint64),
        ("table_at", ctypes.c_uint64),
        ("harness_base", ctypes.c_uint64),
        ("harness_end", ctypes.c_uint64),
    )


class _Counter:
    """The file that the plugin counts into."""

    def __init__(self, folder: Path, layers: LayerMap, image: Image) -> None:
        kinds = layers.kinds.tobytes()
        kinds_at = ctypes.sizeof(_Shared)
        table_at = (kinds_at + len(kinds) + 63) & ~63
        self.size = table_at + SLOTS * ctypes.sizeof(CBlock)
        self.path = folder / "counts"
        with self.path.open("wb") as file:
            file.truncate(self.size)
        with self.path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), self.size)
        self._map[kinds_at : kinds_at + len(kinds)] = kinds
        self.shared = _Shared.from_buffer(self._map)
        self._table = (CBlock * SLOTS).from_buffer(self._map, table_at)
        blocks = self.shared.blocks
        blocks.slots, blocks.base, blocks.end, blocks.layer = SLOTS, layers.base, layers.end, DRIVER
        blocks.budget = (1 << 64) - 1
        self.shared.kinds_at, self.shared.table_at = kinds_at, table_at
        harness = [s for s in image.symbols.values() if s.section == ".pz_harness"]
        self.shared.harness_base = min(s.address for s in harness)
        self.shared.harness_end = max(s.address + s.size for s in harness)

    def blocks(self) -> list[Block]:
        """Every block that ran."""
        if self.shared.blocks.full:
            raise MachineFault(f"the program has more than {SLOTS * 3 // 4} basic blocks; count fewer calls at a time")
        return [Block(r.address, r.size, r.layer, r.count, r.taken) for r in self._table if r.size]

    def reset(self) -> None:
        """All counts to zero."""
        ctypes.memset(self._table, 0, ctypes.sizeof(self._table))
        blocks = self.shared.blocks
        blocks.used, blocks.full, blocks.last = 0, 0, None


class QemuMachine(Base):
    """One QEMU process with the image in its memory."""

    def __init__(self, image: Image, layers: dict[str, str]) -> None:
        super().__init__(image, layers)
        self._check_fit()
        self._layers = LayerMap(image, layers)
        self._folder = tempfile.TemporaryDirectory(prefix="picozoo-qemu-")
        self._counter: _Counter | None = None
        self._pipes: list[int] = []
        self._decoder = Decoder(image.board.core.arch, self._code)
        self._process: subprocess.Popen[bytes] | None = None
        self.emulator = "qemu {}.{}".format(*version())
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _check_fit(self) -> None:
        board, image = self.image.board, self.image
        for what, need, have in (("flash", image.flash, board.flash), ("RAM", image.ram_data, board.ram)):
            if have is not None and need > have:
                raise DoesNotFit(f"the image needs {need} bytes of {what} and {board.title} has {have}; it cannot run")

    def _start(self) -> None:
        folder = Path(self._folder.name)
        self._pipes = [_open_pipe(folder / "pz_in"), _open_pipe(folder / "pz_out")]
        command = [PROGRAM, "-machine", "mps3-an547", "-cpu", self.image.board.core.cpu, "-nodefaults"]
        command += ["-display", "none", "-monitor", "none", "-serial", "none", "-kernel", str(self.image.path)]
        command += ["-semihosting-config", "enable=on,target=native", *self._plugin()]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors
        )
        self._link = Link(self._read_bytes, self._write_bytes, patience=20.0, watch=self._watch)
        self._link.hello()

    def _plugin(self) -> list[str]:
        """Flags that load the counting plugin; none where it cannot be built."""
        level = 1 if version() < (9, 0) else 2  # oldest plugin interface that this QEMU still takes
        try:
            library = _native.shared_library("pz_qemu_plugin.c", f"-DPZ_PLUGIN_VERSION={level}")
        except (BuildFailed, MissingTool):
            return []
        if not _has_plugins(library):
            return []
        self._counter = _Counter(Path(self._folder.name), self._layers, self.image)
        return ["-plugin", f"file={library},state={self._counter.path},size={self._counter.size}"]

    def _read_bytes(self, size: int, seconds: float) -> bytes:
        ready, _, _ = select.select([self._pipes[1]], [], [], seconds)
        if ready:
            return os.read(self._pipes[1], size)
        self._check_alive()
        return b""

    def _write_bytes(self, data: bytes) -> None:
        self._check_alive()
        while data:
            _, ready, _ = select.select([], [self._pipes[0]], [], 5.0)
            if not ready:
                raise MachineFault("QEMU does not take what is sent to it")
            data = data[os.write(self._pipes[0], data[:4096]) :]

    def _check_alive(self) -> None:
        if self._process is None:
            raise MachineFault("the QEMU machine is closed")
        if self._process.poll() is not None:
            raise MachineFault(f"QEMU stopped: {self._last_words()}")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if "module ui" not in line]
        return lines[-1] if lines else "it said nothing"

    def _watch(self) -> None:
        """Give up a call that has run too long."""
        if self._counter is not None and self._counter.shared.blocks.steps > self.budget * 3:
            raise MachineFault(f"the call did not return within about {self.budget} instructions")

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into memory. Raises MachineFault where there is none."""
        self._guard(lambda: self._link.write(address, bytes(data)), f"writing {len(data)} bytes at {address:#x}")

    def read(self, address: int, size: int) -> bytes:
        """Bytes of memory. Raises MachineFault where there is none."""
        data: list[bytes] = []
        self._guard(lambda: data.append(self._link.read(address, size)), f"reading {size} bytes at {address:#x}")
        return data[0]

    def _guard(self, action: object, what: str) -> None:
        assert callable(action)
        try:
            action()
        except BoardFaultError as fault:
            raise MachineFault(f"{what} on {self.image.board.name} faulted (status {fault.status:#x})") from fault

    def call(self, symbol: str, *args: int) -> int:
        """Call a C function; see Machine.call. After a call that ran away the machine is started anew."""
        self.check_args(args)
        start = self.address(symbol) | 1
        if self._counter is not None:
            self._counter.shared.blocks.steps = 0
        try:
            return signed32(self._link.call(start, args, SECONDS))
        except BoardFaultError as fault:
            what = f"{symbol} on {self.image.board.name} faulted (status {fault.status:#x})"
            raise MachineFault(f"{what} {self.where(fault.pc)}") from fault
        except MachineFault as error:
            self._restart()
            raise MachineFault(f"{symbol} on {self.image.board.name}: {error}; the machine was started anew") from error

    def _restart(self) -> None:
        self._stop()
        self._start()

    def _code(self, address: int, size: int) -> bytes:
        """Code bytes from the image file: it is also what the machine runs."""
        for s in self.image.segments:
            if s.address <= address and address + size <= s.address + s.file_size:
                with self.image.path.open("rb") as file:
                    file.seek(s.offset + address - s.address)
                    return file.read(size)
        return b"\0" * size

    def count(self, on: bool) -> None:
        """Start or stop counting. Off at first."""
        if self._counter is not None:
            self._counter.shared.blocks.counting = int(on)

    def counts(self) -> Counts:
        """Exact instruction counts since they were reset; unknown without the plugin."""
        if self._counter is None:
            return Counts(None)
        return account(self._counter.blocks(), self._decoder, self.function_at, self._layers.labels)

    def reset_counts(self) -> None:
        """Set all counts to zero."""
        if self._counter is not None:
            self._counter.reset()

    def paint_stack(self) -> None:
        """Fill the unused stack with a pattern."""
        self._link.paint_stack()

    def stack_bytes(self) -> int | None:
        """Bytes of stack that the last call used, without the monitor's own."""
        return self._link.stack_bytes()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._errors.close()
            self._process = None
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes = []

    def close(self) -> None:
        """End the QEMU process. Where this is never called, QEMU ends itself when its pipe does."""
        self._stop()
        self._folder.cleanup()


def _open_pipe(path: Path) -> int:
    """A named pipe, open for both directions so that neither side waits for the other to open it."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


@cache
def _has_plugins(library: Path) -> bool:
    """Whether this QEMU takes our plugin: asked with an empty machine that ends at once."""
    command = [PROGRAM, "-machine", "none", "-display", "none", "-plugin", f"file={library}", "-S"]
    command += ["-monitor", "none", "-serial", "none"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
    # Without its arguments our plugin refuses to install, which only a QEMU with plugins can say.
    return "pz_qemu_plugin" in done.stderr or "returned error code" in done.stderr or "error code 1" in done.stderr


def open(image: Image, layers: dict[str, str]) -> QemuMachine:
    """A machine with the image loaded."""
    return QemuMachine(image, layers)
