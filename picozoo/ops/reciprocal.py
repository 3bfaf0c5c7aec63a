"""1 / x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Reciprocal(Unary):
    name = "reciprocal"
    onnx = {"Reciprocal": onnx.unary("reciprocal")}
    aten = {"reciprocal.default": unary("reciprocal")}
    cases = unary_cases(low=0.1)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return 1 / x


OP = Reciprocal()
