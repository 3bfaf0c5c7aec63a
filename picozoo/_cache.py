"""The user's cache folder: the one place outside a given folder that picozoo writes to."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_dir


def folder(*parts: str) -> Path:
    """`<user cache>/picozoo/<parts>`, made if absent. `PICOZOO_CACHE=DIR` moves the whole cache.

    Example:
        >>> folder("build").name
        'build'
    """
    root = os.environ.get("PICOZOO_CACHE") or user_cache_dir("picozoo")
    path = Path(root).joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends without an error.

    Two processes may build the same thing at once: the first rename wins, the other folder is dropped, and both
    see a complete `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        yield temporary
        try:
            os.rename(temporary, target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def prune(parent: Path, keep: int) -> None:
    """Delete the oldest entries of `parent` until `keep` are left; entries that others delete first are skipped."""
    entries = [e for e in os.scandir(parent) if not e.name.startswith(".")]
    if len(entries) <= keep:
        return

    def age(entry: os.DirEntry[str]) -> float:
        try:
            return entry.stat().st_mtime
        except OSError:
            return 0.0

    for entry in sorted(entries, key=age)[: len(entries) - keep]:
        shutil.rmtree(entry.path, ignore_errors=True)
