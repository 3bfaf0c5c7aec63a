"""Exactly one is true. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class LogicalXor(Binary):
    name = "logical_xor"
    onnx = {"Xor": onnx.binary("logical_xor")}
    dtypes = ("bool",)
    result = "bool"
    aten = {"logical_xor.default": binary("logical_xor")}
    cases = binary_cases(("bool",))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a ^ b


OP = LogicalXor()
