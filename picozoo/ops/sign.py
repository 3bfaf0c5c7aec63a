"""-1, 0 or 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Sign(Unary):
    name = "sign"
    onnx = {"Sign": onnx.unary("sign")}
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"sign.default": unary("sign"), "sgn.default": unary("sign")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.sign(x)


OP = Sign()
