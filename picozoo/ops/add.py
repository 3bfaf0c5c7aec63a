"""Sum. Plain integers wrap around, quantised int8 as LiteRT. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._arithmetic8 import Sum8, arithmetic_cases, tflite_arithmetic
from picozoo.ops._aten import binary


class Add(Sum8):
    name = "add"
    onnx = {"Add": onnx.binary("add"), "Sum": onnx.variadic("add")}
    aten = {"add.Tensor": binary("add")}
    tflite = {"ADD": tflite_arithmetic("add")}
    cases = arithmetic_cases()

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b


OP = Add()
