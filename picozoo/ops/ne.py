"""a != b. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Ne(Binary):
    name = "ne"
    dtypes = ("f32", "bool", "i8", "u8", "i16", "i32", "i64")
    result = "bool"
    aten = {"ne.Tensor": binary("ne"), "ne.Scalar": binary("ne")}
    tflite = {"NOT_EQUAL": tflite.comparison("ne")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a != b


OP = Ne()
