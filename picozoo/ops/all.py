"""True if all elements over dimensions are."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._reduce import Reduce, reduce_cases, reduce_reader


class All(Reduce):
    name = "all"
    dtypes = ("bool",)
    aten = {"all.default": reduce_reader("all"), "all.dim": reduce_reader("all"), "all.dims": reduce_reader("all")}
    tflite = {"REDUCE_ALL": tflite.reduction("all")}
    cases = reduce_cases(("bool",))

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.all(axis))


OP = All()
