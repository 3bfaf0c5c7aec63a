"""a < b. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Lt(Binary):
    name = "lt"
    onnx = {"Less": onnx.binary("lt")}
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    result = "bool"
    aten = {"lt.Tensor": binary("lt"), "lt.Scalar": binary("lt")}
    tflite = {"LESS": tflite.comparison("lt")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a < b


OP = Lt()
