"""NumPy's `.npy` as `--calibrate` and `--input` take it."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

import numpy as np

from . import zips
from .plain import damaged

SUFFIX = ".npy"


def originals(folder: Path) -> dict[str, bytes]:
    """Numbers of each type; a table with columns, and strings, which are refused."""
    found = {}
    for kind in "?bBhHiIqQefdFS":
        out = io.BytesIO()
        np.save(out, np.arange(24).reshape(4, 6).astype(kind), allow_pickle=False)
        found[kind] = out.getvalue()
    return found


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Half bytes, half shapes, types, numbers and headers."""
    return damaged(data, dice) if dice.random() < 0.5 else zips.array(data, dice)


def read(path: Path) -> None:
    """As inputs of a call, and as typical inputs of several."""
    from picozoo.cli import _arrays
    from picozoo.compress import samples
    from picozoo.emit.c_model import Slot
    from picozoo.errors import UsageError
    from picozoo.specs import TensorType

    with contextlib.suppress(UsageError):  # another shape than the network takes; may still be typical inputs
        _arrays.read([str(path)], [Slot("x", TensorType((4, 6)), 0)])
    samples.read(path, ["x"])
