"""Both are true. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class LogicalAnd(Binary):
    name = "logical_and"
    onnx = {"And": onnx.binary("logical_and")}
    dtypes = ("bool",)
    result = "bool"
    aten = {"logical_and.default": binary("logical_and")}
    tflite = {"LOGICAL_AND": tflite.binary("logical_and")}
    cases = binary_cases(("bool",))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a & b


OP = LogicalAnd()
