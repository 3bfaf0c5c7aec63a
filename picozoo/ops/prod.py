"""Product over dimensions; integers wrap around."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._reduce import Reduce, reduce_cases, reduce_reader


class Prod(Reduce):
    name = "prod"
    aten = {"prod.default": reduce_reader("prod"), "prod.dim_int": reduce_reader("prod")}
    onnx = {"ReduceProd": onnx.reduction("prod", empty=1)}
    dtypes = ("f32", "i32", "i64")
    cases = reduce_cases(("f32", "i32", "i64"))

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.prod(axis, dtype=np.int64 if x.dtype.kind != "f" else x.dtype))


OP = Prod()
