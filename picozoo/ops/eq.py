"""a == b. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Eq(Binary):
    name = "eq"
    onnx = {"Equal": onnx.binary("eq")}
    dtypes = ("f32", "bool", "i8", "u8", "i16", "i32", "i64")
    result = "bool"
    aten = {"eq.Tensor": binary("eq"), "eq.Scalar": binary("eq")}
    tflite = {"EQUAL": tflite.comparison("eq")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a == b


OP = Eq()
