"""What a data set is, in plain frozen values: where it comes from, under which licence, what `load` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from picozoo.errors import UsageError


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        name: file name in the data set's folder, such as "train-labels-idx1-ubyte.gz" or "valve1/0.csv".
        sha256: of the content; of the unpacked content if `name` ends in ".gz", so that repacking does not matter.
        nbytes: length of that same content, bytes. A download or an unpacking that grows beyond it is refused.
        urls: where it can be fetched, in the order to try; empty if nothing can be fetched directly.
    """

    name: str
    sha256: str
    nbytes: int
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Info:
    """Facts of a data set.

    Args:
        name: equal to the file name of its module.
        title: what it is, in a few words.
        licence: as its authors state it, or "not stated".
        home: pages of the data set's own home.
        folder: its folder below `PICOZOO_DATA` and below the user's cache.
        files: what must be there; empty for data that is generated or comes with a Python package.
        packed: a tar archive that a mirror may hold in the folder instead of the files, with their names below any
            folder of its own.
        sizes: split -> number of examples (of time steps, for sequences).
        classes: names of the labels 0, 1, 2 ...
        needs: Python module it comes with, and how to install it; empty if none.
        note: what a user must know: split, preprocessing, known faults.
    """

    name: str
    title: str
    licence: str
    home: tuple[str, ...]
    folder: str = ""
    files: tuple[File, ...] = ()
    packed: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    needs: tuple[str, str] | None = None
    note: str = ""


@dataclass(frozen=True)
class Split:
    """One part of a data set, in memory; arrays are new and may be changed.

    Args:
        x: examples first: (examples, ...), or (steps, channels) for sequences laid end to end.
        y: labels, int64, (examples,) or (steps,).
        starts: for sequences, the first step of each; empty where examples do not depend on each other.
    """

    x: np.ndarray
    y: np.ndarray
    starts: tuple[int, ...] = ()


def check_split(info: Info, split: str) -> None:
    """Refuse a part that the data set does not have.

    Raises:
        UsageError: `split` is not one of `info.sizes`.
    """
    if split not in info.sizes:
        allowed = ", ".join(info.sizes)
        raise UsageError(f"data set {info.name!r}: the split must be one of {allowed}, got {split!r}")
