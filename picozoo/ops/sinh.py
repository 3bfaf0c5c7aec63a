"""Hyperbolic sine."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Sinh(Unary):
    name = "sinh"
    onnx = {"Sinh": onnx.unary("sinh")}
    aten = {"sinh.default": unary("sinh")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.sinh(x)


OP = Sinh()
