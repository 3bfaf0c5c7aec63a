"""Hyperbolic tangent."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Tanh(Unary):
    name = "tanh"
    onnx = {"Tanh": onnx.unary("tanh")}
    aten = {"tanh.default": unary("tanh")}
    tflite = {"TANH": tflite.unary("tanh")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.tanh(x)


OP = Tanh()
