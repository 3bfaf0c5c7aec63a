"""-x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Neg(Unary):
    name = "neg"
    onnx = {"Neg": onnx.unary("neg")}
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"neg.default": unary("neg"), "_neg_view.default": unary("neg")}
    tflite = {"NEG": tflite.unary("neg")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return -x


OP = Neg()
