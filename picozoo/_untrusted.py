"""Zip and `.npy` files from users: read without pickles, and without making room for what only a header speaks of."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from picozoo.errors import BadFile

_MOST_PARTS = 100_000


@contextmanager
def zipped(file: Path | IO[bytes], most: int) -> Iterator[zipfile.ZipFile]:
    """A zip file whose table is credible: each part there once, none larger than the file.

    Args:
        most: bytes that it may unpack to.

    Raises:
        BadFile: it is not; the caller says which file. Damage may raise zipfile's own errors too.
    """
    with zipfile.ZipFile(file) as z:
        items = z.infolist()
        total = sum(i.file_size for i in items)
        if total > most or len(items) > _MOST_PARTS:
            raise BadFile(f"it unpacks to {total} bytes in {len(items)} parts, the limit is {most} in {_MOST_PARTS}")
        if len({i.filename for i in items}) != len(items):
            raise BadFile("it holds a part twice")
        assert z.fp is not None
        size = z.fp.seek(0, io.SEEK_END)
        for item in items:
            if item.compress_size > size:
                raise BadFile(f"{item.filename} in it says {item.compress_size} bytes, the whole file has {size}")
        yield z


def array(data: bytes) -> np.ndarray:
    """The array in the bytes of a `.npy` file.

    Raises:
        BadFile: no such file, pickled objects, or fewer bytes than its header says; the caller says which file.

    Example:
        >>> out = io.BytesIO()
        >>> np.save(out, np.arange(3, dtype=np.uint8))
        >>> array(out.getvalue()).tolist()
        [0, 1, 2]
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        found = len(data) - stream.tell()
        if dtype.hasobject:
            raise BadFile("it holds pickled objects, which are not opened")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > found:
            raise BadFile(f"its header says {dtype}{list(shape)[:8]}, and {found} bytes follow")
        stream.seek(0)
        made: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        return made
    except BadFile:
        raise
    except Exception as e:  # NumPy parses the header as Python, which raises many kinds
        raise BadFile(f"damaged ({type(e).__name__})") from e


def arrays(data: bytes, most: int) -> dict[str, np.ndarray]:
    """The arrays in the bytes of an `.npz` file, by name.

    Args:
        most: bytes that they may be together.

    Raises:
        BadFile: as `array`, or no zip file.
    """
    try:
        with zipped(io.BytesIO(data), most) as z:
            return {i.filename.removesuffix(".npy"): array(z.read(i)) for i in z.infolist()}
    except BadFile:
        raise
    except Exception as e:  # damaged zip files raise many kinds
        raise BadFile(f"damaged ({type(e).__name__})") from e
