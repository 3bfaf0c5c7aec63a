"""Data sets: one file each, NumPy only. `picozoo.data.load("mnist", "test")`.

Files are read from `PICOZOO_DATA` if it is set, else from the user's cache, which `get` fills.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from picozoo import find
from picozoo.data import _store
from picozoo.data._info import File, Info, Split

__all__ = ["File", "Info", "Split", "available", "get", "info", "load", "names"]


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted.

    Example:
        >>> "letters5x7" in names()
        True
    """
    return find.names("data")


def info(name: str) -> Info:
    """Facts of one data set: licence, home, files, sizes.

    Raises:
        UnknownName: no data set has this name.
    """
    found: Info = find.load("data", name, "data set").INFO
    return found


def load(name: str, split: str) -> Split:
    """One part of a data set in memory; shapes and ranges are in the data set's own `load`.

    Raises:
        UnknownName, UsageError: no such data set or split.
        MissingTool: it is not here; the sentence says how to get it.
        BadFile: a file of it is truncated or is something else.

    Example:
        >>> load("letters5x7", "train").x.shape
        (26, 7, 5)
    """
    found: Split = find.load("data", name, "data set").load(split)
    return found


def available(name: str) -> bool:
    """True if `load` can work now, without a download."""
    facts = info(name)
    if facts.needs and find_spec(facts.needs[0]) is None:
        return False
    return not _store.missing(facts)


def get(name: str, progress: _store.Progress | None = None) -> Path | None:
    """Fetch a data set from its own home into the user's cache; nothing happens for files already there.

    Args:
        name: the data set.
        progress: called with (bytes so far, bytes in all or None, file name).

    Returns:
        Its folder in the cache, or None if it needs no files.

    Raises:
        UnknownName: no such data set.
        MissingTool: it has no address to be fetched from.
        BadFile: what came has another sha256.
        PicozooError: no address answered.
    """
    facts = info(name)
    return _store.fetch(facts, progress) if facts.files else None
