"""Angle in radians whose sine is x; NaN outside -1 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Asin(Unary):
    name = "asin"
    onnx = {"Asin": onnx.unary("asin")}
    aten = {"asin.default": unary("asin")}
    cases = unary_cases(-1.0, 1.0)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.arcsin(x)


OP = Asin()
