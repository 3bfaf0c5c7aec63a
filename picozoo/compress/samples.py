"""Typical inputs from files: one .npy, one .npz with an array an input, or a folder with one such file a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from picozoo._untrusted import array, arrays
from picozoo.errors import BadFile, UsageError

KINDS = (".npy", ".npz")
MOST_BYTES = 2 << 30


def read(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """The arrays of each input, first dimension = calls.

    Args:
        path: .npy (networks of one input), .npz, or a folder of such files in the order of their names, each of which
            holds one call (or several, if its shape says so).
        names: the function's inputs, in order. An .npz whose arrays have other names is taken in its own order if it
            has as many.

    Raises:
        UsageError: the files are not there, or not of the right number.
        BadFile: a file that is not what it claims to be, or holds pickled objects.
    """
    if not path.is_dir():
        return _file(path, names)
    files = sorted(p for p in path.iterdir() if p.suffix in KINDS)
    if not files:
        raise UsageError(f"{path}: no .npy or .npz file in this folder; each would be one call")
    parts = [_file(p, names) for p in files]
    shapes = {tuple(a.shape for a in part) for part in parts}
    if len(shapes) != 1:
        raise UsageError(f"{path}: its files hold arrays of different shapes; each must be one call")
    return [np.stack([part[k] for part in parts]) for k in range(len(names))]


def _file(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    if path.suffix not in KINDS:
        raise UsageError(f"{path}: calibration data are a .npy or .npz file, or a folder of them")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadFile(f"{path.stat().st_size} bytes is larger than the limit of {MOST_BYTES}")
        data = path.read_bytes()
        held = {"": array(data)} if path.suffix == ".npy" else arrays(data, MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; give a .npy or .npz file, or a folder of them") from None
    except OSError as e:
        raise BadFile(f"{path}: cannot be read ({e.strerror}). Check the path") from None
    except BadFile as e:
        raise BadFile(f"{path}: not a {path.suffix} file of numbers ({e})") from None
    if len(held) != len(names):
        raise UsageError(
            f"{path}: the network takes {len(names)} inputs ({', '.join(names)}), the file holds {len(held)} arrays"
        )
    if any(a.dtype.kind not in "fiub" for a in held.values()):
        raise BadFile(f"{path}: not a {path.suffix} file of numbers")
    return [held[n] for n in names] if set(held) == set(names) else list(held.values())
