"""Hyperbolic cosine."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Cosh(Unary):
    name = "cosh"
    onnx = {"Cosh": onnx.unary("cosh")}
    aten = {"cosh.default": unary("cosh")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.cosh(x)


OP = Cosh()
