"""Error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Erf(Unary):
    name = "erf"
    onnx = {"Erf": onnx.unary("erf")}
    aten = {"erf.default": unary("erf")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.vectorize(math.erf, otypes=[np.float32])(x)


OP = Erf()
