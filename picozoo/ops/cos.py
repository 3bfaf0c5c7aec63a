"""Cosine, radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Cos(Unary):
    name = "cos"
    onnx = {"Cos": onnx.unary("cos")}
    aten = {"cos.default": unary("cos")}
    tflite = {"COS": tflite.unary("cos")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.cos(x)


OP = Cos()
