"""a >= b. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Ge(Binary):
    name = "ge"
    onnx = {"GreaterOrEqual": onnx.binary("ge")}
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    result = "bool"
    aten = {"ge.Tensor": binary("ge"), "ge.Scalar": binary("ge")}
    tflite = {"GREATER_EQUAL": tflite.comparison("ge")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a >= b


OP = Ge()
