"""The number whose hyperbolic sine is x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Asinh(Unary):
    name = "asinh"
    onnx = {"Asinh": onnx.unary("asinh")}
    aten = {"asinh.default": unary("asinh")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.arcsinh(x)


OP = Asinh()
