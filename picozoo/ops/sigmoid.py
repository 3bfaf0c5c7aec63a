"""1 / (1 + e^-x)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Sigmoid(Unary):
    name = "sigmoid"
    onnx = {"Sigmoid": onnx.unary("sigmoid")}
    aten = {"sigmoid.default": unary("sigmoid")}
    tflite = {"LOGISTIC": tflite.unary("sigmoid")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


OP = Sigmoid()
