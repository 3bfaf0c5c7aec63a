"""Magnitude."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Abs(Unary):
    name = "abs"
    onnx = {"Abs": onnx.unary("abs")}
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"abs.default": unary("abs")}
    tflite = {"ABS": tflite.unary("abs")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.abs(x)


OP = Abs()
