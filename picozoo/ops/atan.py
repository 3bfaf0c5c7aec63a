"""Angle in radians whose tangent is x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Atan(Unary):
    name = "atan"
    onnx = {"Atan": onnx.unary("atan")}
    aten = {"atan.default": unary("atan")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.arctan(x)


OP = Atan()
