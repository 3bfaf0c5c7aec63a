"""The number whose hyperbolic tangent is x; NaN outside -1 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Atanh(Unary):
    name = "atanh"
    onnx = {"Atanh": onnx.unary("atanh")}
    aten = {"atanh.default": unary("atanh")}
    cases = unary_cases(-0.9, 0.9)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.arctanh(x)


OP = Atanh()
