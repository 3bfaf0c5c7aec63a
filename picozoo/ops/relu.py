"""max(x, 0)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Relu(Unary):
    name = "relu"
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"relu.default": unary("relu")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.maximum(x, 0)


OP = Relu()
