"""Small native helpers of ours (hooks, plugins), compiled once for this machine and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import platform
import sys
from functools import cache
from pathlib import Path

from picozoo import _cache, _toolchain

FLAGS = ("-O3", "-std=c99", "-g0", "-shared", "-fPIC", "-fno-sanitize=all", "-fno-stack-protector", "-nostdlib")


@cache
def shared_library(source: str, *libraries: str) -> Path:
    """Compile `harness/<source>` to a shared library for this machine; from the cache the second time.

    Args:
        libraries: shared libraries to link against, as paths.

    Raises:
        BuildFailed, MissingTool: as `picozoo.build.build`.
    """
    file = _toolchain.HARNESS / source
    texts = [file.read_bytes(), *(h.read_bytes() for h in sorted(_toolchain.HARNESS.glob("*.h")))]
    facts = [_toolchain.zig_version(), platform.machine(), sys.platform, *FLAGS, *libraries]
    digest = hashlib.sha256("\0".join(facts).encode())
    for text in texts:
        digest.update(text)
    folder = _cache.folder("native") / f"{file.stem}-{digest.hexdigest()[:16]}"
    library = folder / ("helper.dll" if sys.platform == "win32" else "helper.so")
    if not library.is_file():
        with _cache.staging(folder) as temporary:
            command = [_toolchain.zig_path(), "cc", *FLAGS, f"-I{_toolchain.HARNESS}", str(file), *libraries]
            _toolchain.run([*command, "-o", library.name], temporary)
    return library


def load(source: str, *libraries: str) -> ctypes.CDLL:
    """Compile if need be, and load."""
    return ctypes.CDLL(str(shared_library(source, *libraries)))
