"""Difference. Plain integers wrap around, quantised int8 as LiteRT. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._arithmetic8 import Sum8, arithmetic_cases, tflite_arithmetic
from picozoo.ops._aten import binary


class Sub(Sum8):
    name = "sub"
    onnx = {"Sub": onnx.binary("sub")}
    aten = {"sub.Tensor": binary("sub")}
    tflite = {"SUB": tflite_arithmetic("sub")}
    cases = arithmetic_cases()
    sign = -1

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a - b


OP = Sub()
