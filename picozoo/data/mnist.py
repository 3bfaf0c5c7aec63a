"""MNIST: 70,000 handwritten digits of 28x28 grey values (LeCun, Cortes, Burges, 1998)."""

from __future__ import annotations

import math

import numpy as np

from picozoo.data import _store
from picozoo.data._info import File, Info, Split, check_split
from picozoo.errors import BadFile

# The authors' page no longer hands out the files, so the copies kept by the CVDF and by PyTorch are tried first.
BASES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


def _file(stem: str, sha256: str, nbytes: int) -> File:
    name = stem + ".gz"
    return File(name, sha256, nbytes, tuple(base + name for base in BASES))


INFO = Info(
    name="mnist",
    title="MNIST, 70,000 handwritten digits, 28x28",
    licence="CC BY-SA 3.0 (as generally listed; the authors' page states none)",
    home=("http://yann.lecun.com/exdb/mnist/",),
    folder="mnist",
    files=(
        _file("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016),
        _file("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008),
        _file("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016),
        _file("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008),
    ),
    sizes={"train": 60000, "test": 10000},
    classes=tuple("0123456789"),
    note="Digits fit a 20x20 box, centred in 28x28 by their centre of mass. sha256 are those of the unpacked files.",
)


def load(split: str) -> Split:
    """The digits.

    Args:
        split: "train" (60,000) or "test" (10,000).

    Returns:
        x uint8 (n, 28, 28), 0 paper to 255 ink; y int64 (n,), 0..9.

    Raises:
        UsageError: another split.
        MissingTool: the files are not here; says how to get them.
        BadFile: a file is truncated or no idx file of this shape.
    """
    check_split(INFO, split)
    stem = "train" if split == "train" else "t10k"
    n = INFO.sizes[split]
    x = idx(_store.read(INFO, f"{stem}-images-idx3-ubyte.gz"), (n, 28, 28), f"{stem}-images")
    y = idx(_store.read(INFO, f"{stem}-labels-idx1-ubyte.gz"), (n,), f"{stem}-labels")
    if y.max(initial=0) > 9:
        raise BadFile(f"MNIST {stem}-labels holds a label above 9, got {y.max()}; delete the file and fetch it again")
    return Split(x, y.astype(np.int64))


def idx(raw: bytes, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Read an idx file of unsigned bytes and insist on its shape.

    Layout: two zero bytes, 8 (unsigned byte), rank; then each dimension as big-endian uint32; then the bytes.

    Args:
        raw: the whole unpacked file.
        shape: what it must hold.
        name: for the error sentence.

    Returns:
        A new uint8 array of `shape`.

    Raises:
        BadFile: wrong magic number, shape or length.

    Example:
        >>> idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), (2,), "labels").tolist()
        [7, 9]
    """
    head = 4 + 4 * len(shape)
    if len(raw) < head or raw[:4] != bytes([0, 0, 8, len(shape)]):
        kind = f"an idx file of {len(shape)}-dimensional bytes"
        raise BadFile(f"MNIST {name} is not {kind}, it begins with {raw[:4]!r}; fetch it again")
    dims = tuple(int(d) for d in np.frombuffer(raw, ">u4", len(shape), 4))
    length = head + math.prod(shape)
    if dims != shape or len(raw) != length:
        raise BadFile(f"MNIST {name} must hold {shape} in {length} bytes, got {dims} in {len(raw)}; fetch it again")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape).copy()
