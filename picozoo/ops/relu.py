"""max(x, 0)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Rectifier, unary_cases


class Relu(Rectifier):
    name = "relu"
    onnx = {"Relu": onnx.unary("relu")}
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"relu.default": unary("relu")}
    tflite = {"RELU": tflite.unary("relu")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.maximum(x, 0)

    def limits(self, attrs: Any) -> tuple[float, float]:
        return 0.0, 3e38


OP = Relu()
