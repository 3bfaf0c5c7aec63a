"""Sine, radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Sin(Unary):
    name = "sin"
    onnx = {"Sin": onnx.unary("sin")}
    aten = {"sin.default": unary("sin")}
    tflite = {"SIN": tflite.unary("sin")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.sin(x)


OP = Sin()
