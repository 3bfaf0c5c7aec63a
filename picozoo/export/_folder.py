"""Fills a folder with generated files: all of them or none, and never over a file that somebody else wrote."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from picozoo.artefact import naming
from picozoo.errors import UsageError


def digest(text: str) -> str:
    """What the card keeps of each file, to know its own files again.

    Example:
        >>> digest("")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def write_folder(folder: Path, files: Mapping[str, str], card: str, *, force: bool = False) -> list[Path]:
    """Write `files` below `folder`.

    They are first written to a temporary folder beside it. A new folder then appears whole, by one rename; into a
    folder that is there each file is renamed, the card last, so that an interruption leaves whole files only.

    Args:
        card: the file of `files` whose "files" entry lists the digests of the others.
        force: also replace what is not picozoo's own.

    Raises:
        UsageError: the target is a file, a file in it is not picozoo's own, or a folder in it leads elsewhere.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder with -o")
    for path in files:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            raise UsageError(f"{path!r} is not a path below the folder")
    old = _old_files(folder, card)
    if not force:
        _refuse_foreign(folder, files, old)
    parent = folder.resolve().parent
    with naming(folder):
        parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name or 'new'}-", dir=parent))
    try:
        for path, text in files.items():
            (temporary / path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / path).write_text(text, encoding="utf-8", newline="\n")
        temporary.chmod(0o755)
        _put(temporary, folder, files, card)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _drop_stale(folder, files, old)
    return [folder / path for path in files]


def _put(temporary: Path, folder: Path, files: Mapping[str, str], card: str) -> None:
    if not folder.exists():
        os.rename(temporary, folder)
        return
    inside = folder.resolve()
    for path in sorted(files, key=lambda p: (p == card, p)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(inside):
            raise UsageError(f"{target.parent} leads out of {folder}; remove that link first")
        if target.is_dir() and not target.is_symlink():
            raise UsageError(f"{target} is a folder; a file of that name is to be written. Move it away")
        os.replace(temporary / path, target)


def _old_files(folder: Path, card: str) -> dict[str, str]:
    """Digests of the files of an earlier export, from its card; empty if there is none that can be read."""
    try:
        listed = json.loads((folder / card).read_text(encoding="utf-8"))["files"]
        return {str(k): str(v) for k, v in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_ours(path: Path, expected: str | None) -> bool:
    try:
        return expected is not None and hashlib.sha256(path.read_bytes()).hexdigest() == expected
    except OSError:
        return False


def _refuse_foreign(folder: Path, files: Mapping[str, str], old: Mapping[str, str]) -> None:
    """Raises UsageError if a file that would be replaced is neither an earlier export's nor equal to the new one."""
    for path, text in files.items():
        there = folder / path
        if not os.path.lexists(there) or _is_ours(there, digest(text)) or _is_ours(there, old.get(path)):
            continue
        if old and path.endswith(".json") and path not in old:
            continue  # the card itself: it lists no digest of its own
        what = "was changed since it was written" if path in old else "was not written by picozoo"
        raise UsageError(f"{there} {what}; give another folder with -o, or --force to replace it")


def _drop_stale(folder: Path, files: Mapping[str, str], old: Mapping[str, str]) -> None:
    """Remove files of the earlier export that the new one does not have, if nobody changed them."""
    inside = folder.resolve()
    for path, expected in old.items():
        parts = PurePosixPath(path).parts
        if path in files or not parts or path.startswith("/") or ".." in parts or "\\" in path:
            continue
        there = folder / path
        if there.is_file() and there.parent.resolve().is_relative_to(inside) and _is_ours(there, expected):
            there.unlink()
            with contextlib.suppress(OSError):
                there.parent.rmdir()  # only if nothing else is in it
