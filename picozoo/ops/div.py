"""Quotient; of integers rounded towards zero, and 0 where the divisor is 0. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import INTS, Binary, binary_cases


class Div(Binary):
    name = "div"
    onnx = {"Div": onnx.binary("div")}
    dtypes = ("f32", *INTS)
    aten = {"div.Tensor": binary("div")}
    tflite = {"DIV": tflite.binary("div")}
    cases = (*binary_cases(("f32",), low=0.2), *binary_cases(("i32", "u8")))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype.kind == "f":
            return a / b
        safe = np.where(b == 0, 1, b).astype(a.dtype)
        whole = a // safe
        whole = whole + ((a % safe != 0) & ((a < 0) != (b < 0)))
        return np.where(b == 0, 0, whole).astype(a.dtype)


OP = Div()
