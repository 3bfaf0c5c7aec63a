"""Square root."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Sqrt(Unary):
    name = "sqrt"
    onnx = {"Sqrt": onnx.unary("sqrt")}
    aten = {"sqrt.default": unary("sqrt")}
    tflite = {"SQRT": tflite.unary("sqrt")}
    cases = unary_cases(low=0.1)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.sqrt(x)


OP = Sqrt()
