"""True where the input is false."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary
from picozoo.ops._op import Case
from picozoo.specs import TensorType


class LogicalNot(Unary):
    name = "logical_not"
    onnx = {"Not": onnx.unary("logical_not")}
    quant_rule = "none"
    dtypes = ("bool",)
    aten = {"logical_not.default": unary("logical_not")}
    tflite = {"LOGICAL_NOT": tflite.unary("logical_not")}
    cases = (Case((TensorType((2, 5), "bool"),)),)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return ~x


OP = LogicalNot()
