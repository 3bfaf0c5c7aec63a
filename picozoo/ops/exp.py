"""e^x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Exp(Unary):
    name = "exp"
    onnx = {"Exp": onnx.unary("exp")}
    aten = {"exp.default": unary("exp")}
    tflite = {"EXP": tflite.unary("exp")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.exp(x)


OP = Exp()
