"""C sources in, one linked image with exact sizes out: cross compiler, linker script, cache.

    sources ─▶ one object per file (in parallel) ─▶ link ─▶ sizes and symbols ─▶ Image (cached by content)

The linker script is our own and never runs out of memory: an image that is too big for its board still links, with its
true sizes, so that the caller can say by how much it does not fit. Where things go:

    flash   .pz_harness.vectors, .pz_harness.*   start-up and monitor, not counted as the network's
            .text                                 flash_code, with the compiler's own runtime functions and literals
            .rodata.pz                            flash_const, the network's tables
            .data (initial values)                flash_data
    RAM     .data, .bss                           ram_data
            .pz_harness.bss, then stack
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from picozoo import _cache, _toolchain
from picozoo.errors import UsageError
from picozoo.specs import Board

KERNELS = Path(__file__).with_name("kernels")
KEEP_IMAGES = 1000  # builds kept in the cache; a tuning run makes hundreds
_FORMAT = 1  # raise when the meaning of a cached image changes


@dataclass(frozen=True)
class Symbol:
    """A function or variable: address (Thumb bit cleared), size in bytes, output section."""

    address: int
    size: int
    section: str
    function: bool = False


@dataclass(frozen=True)
class Segment:
    """Bytes of the image file that a loader puts at `address` (`load` in flash, for initial values of RAM)."""

    address: int
    load: int
    offset: int
    file_size: int
    size: int
    flags: int


@dataclass(frozen=True)
class Image:
    """A linked network. Sizes in bytes; see the head of this file for what each one counts.

    Args:
        path: the ELF file, shared library (host) or wasm module.
        symbols: by name. Local symbols (static functions, tables) are included where the compiler kept them.
        roots: the public functions that were asked to be kept.
        const_symbols: the network's tables, name -> bytes.
        build_ms: wall time of the compiler and linker when this image was really built; 0.0 from the cache.
    """

    path: Path
    board: Board
    symbols: dict[str, Symbol]
    segments: tuple[Segment, ...]
    flash_code: int
    flash_const: int
    flash_data: int
    ram_data: int
    compiler: str
    const_symbols: dict[str, int]
    roots: tuple[str, ...] = ()
    build_ms: float = 0.0

    @property
    def flash(self) -> int:
        """All flash bytes of the network."""
        return self.flash_code + self.flash_const + self.flash_data


def build(
    sources: Mapping[str, str],
    board: Board,
    *,
    roots: Sequence[str],
    include: Sequence[Path] = (),
    toolchain: str = "zig",
    opt: str = "-O3",
    extra: Sequence[str] = (),
    const_prefix: str = "",
) -> Image:
    """Compile and link C sources for a board, freestanding, keeping only what `roots` reach.

    Args:
        sources: file name -> text. Every `*.c` is compiled; other files (headers) are only put beside them.
        roots: functions and variables to keep; all else that they do not reach is dropped.
        include: folders for `#include`, after the sources' own folder and before picozoo/kernels.
        toolchain: "zig" (bundled Clang) or "gcc" (the core's vendor GCC).
        opt: optimisation flag, such as "-O3" or "-Os".
        extra: more compiler flags, after all others.
        const_prefix: read-only symbols with this prefix count as the network's tables, beside section `.rodata.pz`.

    Returns:
        The image. The same call again returns it from the user's cache.

    Raises:
        BuildFailed: a C or link error; the message has the compiler's first error line.
        MissingTool: the toolchain is not installed; the message has the package's name.
        UsageError: no `.c` file, a name with a path in it, or an unknown toolchain.
    """
    _check(sources, roots, toolchain)
    tools = _toolchain.select(board, toolchain)
    includes = [*include, KERNELS]
    started = time.perf_counter()
    key = _key(sources, board, tools, roots, includes, [opt, *extra, const_prefix])
    folder = _cache.folder("build") / key
    if not (folder / "image.json").is_file():
        with _cache.staging(folder) as temporary:
            facts = tools.make(temporary, sources, roots, includes, [opt, *extra], const_prefix)
            (temporary / "image.json").write_text(json.dumps(facts, sort_keys=True, indent=0))
        _cache.prune(folder.parent, KEEP_IMAGES)
        return _image(folder, board, tools.version, roots, (time.perf_counter() - started) * 1e3)
    return _image(folder, board, tools.version, roots, 0.0)


def _check(sources: Mapping[str, str], roots: Sequence[str], toolchain: str) -> None:
    if not any(name.endswith(".c") for name in sources):
        raise UsageError(f"build needs at least one .c file, got {', '.join(sources) or 'no files'}")
    for name in sources:
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise UsageError(f"source file names have no folder in them, got {name!r}")
    if not roots:
        raise UsageError("build needs at least one root, or the linker would drop everything")
    for root in roots:
        if not root.isidentifier() or not root.isascii():
            raise UsageError(f"a root is a C identifier, got {root!r}")
    if toolchain not in ("zig", "gcc"):
        raise UsageError(f"toolchain must be zig or gcc, got {toolchain!r}")


def _key(
    sources: Mapping[str, str],
    board: Board,
    tools: _toolchain.Tools,
    roots: Sequence[str],
    includes: Sequence[Path],
    flags: Sequence[str],
) -> str:
    digest = hashlib.sha256()

    def add(*parts: str) -> None:
        for part in parts:
            data = part.encode()
            digest.update(len(data).to_bytes(8, "little") + data)

    add(str(_FORMAT), tools.version, json.dumps(tools.identity()), json.dumps(list(roots)), json.dumps(list(flags)))
    add(board.name, str(board.flash_origin), str(board.ram_origin), str(board.flash), str(board.ram))
    for name in sorted(sources):
        add(name, sources[name])
    for folder in includes:
        for header in sorted(folder.glob("**/*.h")) if folder.is_dir() else ():
            add(header.name, header.read_text(encoding="utf-8", errors="replace"))
    return digest.hexdigest()[:32]


def _image(folder: Path, board: Board, compiler: str, roots: Sequence[str], milliseconds: float) -> Image:
    facts = json.loads((folder / "image.json").read_text())
    return Image(
        path=folder / facts["file"],
        board=board,
        symbols={name: Symbol(*row) for name, row in facts["symbols"].items()},
        segments=tuple(Segment(**row) for row in facts["segments"]),
        flash_code=facts["flash_code"],
        flash_const=facts["flash_const"],
        flash_data=facts["flash_data"],
        ram_data=facts["ram_data"],
        compiler=compiler,
        const_symbols=facts["const_symbols"],
        roots=tuple(roots),
        build_ms=milliseconds,
    )


__all__ = ["Image", "Segment", "Symbol", "build"]
