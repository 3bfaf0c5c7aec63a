"""1 / sqrt(x)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Rsqrt(Unary):
    name = "rsqrt"
    aten = {"rsqrt.default": unary("rsqrt")}
    tflite = {"RSQRT": tflite.unary("rsqrt")}
    cases = unary_cases(low=0.1)

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return 1 / np.sqrt(x)


OP = Rsqrt()
