"""log(1 + e^x)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Softplus(Unary):
    name = "softplus"
    onnx = {"Softplus": onnx.unary("softplus")}
    aten = {"softplus.default": unary("softplus")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.logaddexp(np.float32(0), x)


OP = Softplus()
