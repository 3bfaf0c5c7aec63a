"""Largest whole number below."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Floor(Unary):
    name = "floor"
    onnx = {"Floor": onnx.unary("floor")}
    aten = {"floor.default": unary("floor")}
    tflite = {"FLOOR": tflite.unary("floor")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.floor(x)


OP = Floor()
