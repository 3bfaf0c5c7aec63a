"""One or both are true. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class LogicalOr(Binary):
    name = "logical_or"
    dtypes = ("bool",)
    result = "bool"
    aten = {"logical_or.default": binary("logical_or"), "bitwise_or.Tensor": binary("logical_or")}
    cases = binary_cases(("bool",))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b


OP = LogicalOr()
