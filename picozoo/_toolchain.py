"""The compilers behind `build`: the bundled zig (Clang + LLD) and the cores' vendor GCC."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from picozoo import _cache, _link, _link_wasm
from picozoo.errors import BuildFailed, MissingTool, Unsupported
from picozoo.specs import Board, Core

HARNESS = Path(__file__).with_name("harness")
COMMON = (
    "-g0",
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    "-fno-common",
    "-fno-strict-aliasing",
    "-fno-math-errno",
    # One rounding per written operation: float results are then the same on every core and with every compiler.
    "-ffp-contract=off",
)
ZIG_ONLY = ("-fno-sanitize=all",)
# GCC would fold layers with equal code into one function and split others, and layers could not be told apart.
GCC_ONLY = ("-fno-ipa-icf", "-fno-partial-inlining")
HARNESS_BOARDS = {"qemu": "pz_board_qemu.c"}  # emulator -> its byte stream
GCC_PACKAGES = {
    "arm-none-eabi-": "gcc-arm-none-eabi",
    "avr-": "gcc-avr avr-libc",
    "riscv64-unknown-elf-": "gcc-riscv64-unknown-elf",
    "aarch64-linux-gnu-": "gcc-aarch64-linux-gnu",
    "": "gcc",
}


@cache
def zig_path() -> str:
    """The zig program of the installed `ziglang` wheel.

    Raises:
        MissingTool: the wheel is not installed.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.origin:
        raise MissingTool("the C compiler is missing: run 'pip install \"ziglang>=0.17,<0.18\"'")
    program = Path(spec.origin).with_name("zig.exe" if os.name == "nt" else "zig")
    if not program.is_file():
        raise MissingTool(f"the ziglang package has no {program.name}: run 'pip install --force-reinstall ziglang'")
    return str(program)


@cache
def zig_version() -> str:
    """Version of the ziglang wheel, such as "0.17.1"."""
    return importlib.metadata.version("ziglang")


def run(command: Sequence[str], cwd: Path) -> str:
    """Run a compiler; its messages on success.

    Raises:
        BuildFailed: it returned an error; the message is its first error line.
    """
    environment = dict(os.environ, LC_ALL="C")
    caches = _cache.folder("zig")
    environment["ZIG_GLOBAL_CACHE_DIR"] = str(caches / "global")
    environment["ZIG_LOCAL_CACHE_DIR"] = str(caches / "local")
    # The build must depend on what is given to it, not on what the user's shell points the compiler at.
    for name in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    messages = done.stderr + done.stdout
    if done.returncode != 0:
        raise BuildFailed(f"{os.path.basename(command[0])} said: {first_error(messages)}")
    return messages


def first_error(messages: str) -> str:
    """The first line that names an error, else the first line.

    Example:
        >>> first_error("a.c: note\\na.c:1:2: error: expected ';'\\n")
        "a.c:1:2: error: expected ';'"
    """
    lines = [line for line in messages.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "nothing, and returned an error")


@dataclass(frozen=True)
class Tools:
    """One compiler for one board: what to call, and how to link."""

    board: Board
    version: str
    compiler: tuple[str, ...]
    flags: tuple[str, ...]
    is_zig: bool

    def identity(self) -> list[str]:
        """Everything of the tools that changes their output, for the cache key."""
        own = [p.read_text() for p in sorted(HARNESS.glob("*")) if p.is_file() and p.suffix in (".c", ".h", ".S")]
        machine = [platform.machine(), _cpu_flags()] if self.board.core.arch == "host" else []
        return [*self.flags, _link.script(self.board, ["x"]), *own, *machine]

    def make(
        self,
        folder: Path,
        sources: Mapping[str, str],
        roots: Sequence[str],
        includes: Sequence[Path],
        flags: Sequence[str],
        const_prefix: str,
    ) -> dict[str, Any]:
        """Write the sources into `folder`, compile, link; the facts of the image."""
        for name, text in sources.items():
            (folder / name).write_text(text, encoding="utf-8")
        files = sorted(name for name in sources if name.endswith(".c"))
        search = [f"-I{path}" for path in (".", *includes)]
        objects = self.compile(folder, files, [*search, *self.optimise(flags)])
        objects += self.harness()
        arch = self.board.core.arch
        if arch == "wasm32":
            facts = _link_wasm.link(self, folder, objects, roots, const_prefix)
        else:
            output = (_link.link_host if arch == "host" else _link.link)(self, folder, objects, roots)
            facts = _link.facts(self.board, output, const_prefix)
        if facts["symbols"]:
            _link.refuse_undefined([root for root in roots if root not in facts["symbols"]])
        return facts

    def run(self, command: Sequence[str], folder: Path) -> str:
        """`run`, for the linking modules."""
        return run(command, folder)

    def compile(self, folder: Path, files: Sequence[str], flags: Sequence[str]) -> list[str]:
        """One object per file, in parallel; object names in the order of `files`."""

        def one(name: str) -> str:
            target = name + ".o"
            run([*self.compiler, *self.flags, *flags, "-c", name, "-o", target], folder)
            return target

        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            return list(pool.map(one, files))

    def optimise(self, flags: Sequence[str]) -> list[str]:
        """The flags, with each -O level said to Clang itself too: `zig cc` makes -O2 of -O1 and -O3."""
        if not self.is_zig:
            return list(flags)
        levels = [flag for flag in flags if flag in ("-O1", "-O2", "-O3", "-Oz")]
        return [*flags, *(("-Xclang", levels[-1]) if levels else ())]

    def harness(self) -> list[str]:
        """Objects of ours for a machine that is driven over a byte stream: start-up, monitor, board."""
        board_file = HARNESS_BOARDS.get(self.board.emulator)
        if board_file is None:
            return []
        # A loop that became a call of memcpy would bring in a function that counts as the network's.
        return self.prebuilt(["pz_monitor.c", "pz_start_cortexm.c", board_file], ["-O2", "-fno-builtin"])

    def runtime(self) -> list[str]:
        """Objects with the functions that compilers call on their own; see harness/pz_runtime.c."""
        avr = self.board.core.arch == "avr"
        names = ["pz_runtime.c", "pz_runtime_float.c", *(["pz_runtime_avr.S"] if avr else [])]
        only = [] if self.is_zig else ["-DPZ_RUNTIME_MEMORY_ONLY"]  # vendor GCC has the rest in libgcc
        # Small is what counts on AVR. Without -fno-builtin the loop in memcpy would become a call of memcpy.
        return self.prebuilt(names, ["-Os" if avr else "-O2", "-fno-builtin", *only])

    def prebuilt(self, names: Sequence[str], flags: Sequence[str]) -> list[str]:
        """Objects of our own harness files, compiled once per core and flags and kept in the cache; full paths."""
        digest = hashlib.sha256(json.dumps([self.version, *self.flags, *flags]).encode())
        for file in [*(HARNESS / name for name in names), *sorted(HARNESS.glob("*.h"))]:
            digest.update(file.read_bytes())
        folder = _cache.folder("objects") / digest.hexdigest()[:32]
        if not folder.is_dir():
            with _cache.staging(folder) as temporary:
                for file in [*(HARNESS / name for name in names), *HARNESS.glob("*.h")]:
                    shutil.copyfile(file, temporary / file.name)
                self.compile(temporary, names, flags)
        return [str(folder / (name + ".o")) for name in names]


def select(board: Board, toolchain: str) -> Tools:
    """The tools for a board.

    Raises:
        MissingTool: the vendor GCC is not installed.
        Unsupported: there is no vendor GCC for this core here.
    """
    core = board.core
    if toolchain == "zig" and core.zig:
        flags = (*core.zig, *_dialect(core), *COMMON, *ZIG_ONLY)
        return Tools(board, f"zig cc {zig_version()}", (zig_path(), "cc"), flags, is_zig=True)
    return _gcc(board, core)


def _gcc(board: Board, core: Core) -> Tools:
    if core.gcc is None:
        raise Unsupported(f"there is no vendor GCC for {core.title}; use the toolchain 'zig'")
    prefix, flags = core.gcc
    program = shutil.which(prefix + "gcc")
    if program is None:
        package = GCC_PACKAGES.get(prefix, prefix + "gcc")
        raise MissingTool(f"{prefix}gcc is not installed: run 'apt install {package}', or use the toolchain 'zig'")
    return Tools(board, _gcc_version(program), (program,), (*flags, *_dialect(core), *COMMON, *GCC_ONLY), is_zig=False)


def _dialect(core: Core) -> tuple[str, ...]:
    """C99; with GNU's `__flash` on AVR, and position-independent in a shared library."""
    return ("-std=gnu99" if core.arch == "avr" else "-std=c99", *(("-fPIC",) if core.arch == "host" else ()))


@cache
def _cpu_flags() -> str:
    """Features of this machine's processor, so that a cache shared between machines holds no code for another one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


@cache
def _gcc_version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+\.\d+\.\d+)", done.stdout)
    return f"{os.path.basename(program)} {found.group(1) if found else 'of unknown version'}"
