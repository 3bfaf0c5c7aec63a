"""What gathering and scattering operators share: element kinds, int tables, index types."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Types
from picozoo.specs import TensorType

INDEX = ("i32", "i64")
VALUES = ("f32", "i8", "u8", "i16", "i32", "i64", "bool")


def check_index(name: str, t: TensorType) -> None:
    """Raise Unsupported unless `t` can be an index."""
    if t.dtype not in INDEX:
        raise Unsupported(f"{name} takes indices of type i32 or i64, got {t.dtype}")


def wrap(index: np.ndarray, size: int) -> np.ndarray:
    """Negative indices count from the end; what is still outside is clamped. C twin: pz_place."""
    i = index.astype(np.int64)
    return np.clip(np.where(i < 0, i + size, i), 0, max(size - 1, 0))


def ints(values: Any) -> str:
    """A C99 compound literal of ints."""
    return f"(const int[]){{{', '.join(str(int(v)) for v in values) or '0'}}}"


def width(ins: Types) -> int:
    """Bytes of an element of the first input."""
    return ins[0].with_(shape=()).nbytes
