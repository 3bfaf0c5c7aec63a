"""Nearest whole number above."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Ceil(Unary):
    name = "ceil"
    onnx = {"Ceil": onnx.unary("ceil")}
    aten = {"ceil.default": unary("ceil")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.ceil(x)


OP = Ceil()
