"""Sum over dimensions; integers wrap around."""

from __future__ import annotations

import numpy as np

from picozoo.ops._reduce import Reduce, reduce_cases, reduce_reader


class Sum(Reduce):
    name = "sum"
    dtypes = ("f32", "i32", "i64")
    aten = {"sum.default": reduce_reader("sum"), "sum.dim_IntList": reduce_reader("sum")}
    cases = reduce_cases(("f32", "i32"))

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.sum(axis, dtype=x.dtype))


OP = Sum()
