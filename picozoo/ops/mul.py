"""Product. Plain integers wrap around, quantised int8 as LiteRT. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._arithmetic8 import Product8, arithmetic_cases, tflite_arithmetic
from picozoo.ops._aten import binary


class Mul(Product8):
    name = "mul"
    onnx = {"Mul": onnx.binary("mul")}
    aten = {"mul.Tensor": binary("mul")}
    tflite = {"MUL": tflite_arithmetic("mul")}
    cases = arithmetic_cases()

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * b


OP = Mul()
