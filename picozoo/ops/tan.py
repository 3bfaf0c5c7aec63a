"""Tangent of radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Tan(Unary):
    name = "tan"
    onnx = {"Tan": onnx.unary("tan")}
    aten = {"tan.default": unary("tan")}
    cases = unary_cases(-1.2, 1.2)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.tan(x)


OP = Tan()
