"""One or both are true. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class LogicalOr(Binary):
    name = "logical_or"
    onnx = {"Or": onnx.binary("logical_or")}
    dtypes = ("bool",)
    result = "bool"
    aten = {"logical_or.default": binary("logical_or")}
    tflite = {"LOGICAL_OR": tflite.binary("logical_or")}
    cases = binary_cases(("bool",))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b


OP = LogicalOr()
