"""Quotient, float only. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Div(Binary):
    name = "div"
    dtypes = ("f32",)
    aten = {"div.Tensor": binary("div")}
    tflite = {"DIV": tflite.binary("div")}
    cases = binary_cases(("f32",), low=0.2)

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a / b


OP = Div()
