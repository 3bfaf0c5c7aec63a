"""Every bit the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._elementwise import INTS, Unary
from picozoo.ops._op import Case
from picozoo.specs import TensorType


class BitwiseNot(Unary):
    name = "bitwise_not"
    onnx = {"BitwiseNot": onnx.unary("bitwise_not")}
    quant_rule = "none"
    dtypes = INTS
    cases = tuple(Case((TensorType((2, 5), d),)) for d in INTS)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return ~x


OP = BitwiseNot()
