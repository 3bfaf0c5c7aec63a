"""NumPy's `.npz`, a zip of `.npy`, as `--calibrate` takes it."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np

from . import zips

SUFFIX = ".npz"


def originals(folder: Path) -> dict[str, bytes]:
    """Two inputs, as they are and compressed."""
    found, held = {}, {"x": np.arange(24, dtype=np.float32).reshape(4, 6), "y": np.zeros((4, 2), np.int8)}
    for name, save in (("plain", np.savez), ("packed", np.savez_compressed)):
        out = io.BytesIO()
        save(out, **held)  # type: ignore[arg-type]
        found[name] = out.getvalue()
    return found


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Members changed, lost, renamed, blown up; the container too."""
    return zips.mutate(data, dice, lambda name, part, dice: zips.array(part, dice))


def read(path: Path) -> None:
    """As typical inputs of a network with two."""
    from picozoo.compress import samples

    samples.read(path, ["x", "y"])
