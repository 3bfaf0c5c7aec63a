"""Natural logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Log(Unary):
    name = "log"
    onnx = {"Log": onnx.unary("log")}
    aten = {"log.default": unary("log")}
    tflite = {"LOG": tflite.unary("log")}
    cases = unary_cases(low=0.1)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.log(x)


OP = Log()
