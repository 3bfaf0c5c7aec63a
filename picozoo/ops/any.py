"""True if any element over dimensions is."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._reduce import Reduce, reduce_cases, reduce_reader


class Any(Reduce):
    name = "any"
    dtypes = ("bool",)
    aten = {"any.default": reduce_reader("any"), "any.dim": reduce_reader("any"), "any.dims": reduce_reader("any")}
    tflite = {"REDUCE_ANY": tflite.reduction("any")}
    cases = reduce_cases(("bool",))

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.any(axis))


OP = Any()
