"""The number >= 0 whose hyperbolic cosine is x; NaN below 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Acosh(Unary):
    name = "acosh"
    onnx = {"Acosh": onnx.unary("acosh")}
    aten = {"acosh.default": unary("acosh")}
    cases = unary_cases(1.0, 5.0)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.arccosh(x)


OP = Acosh()
