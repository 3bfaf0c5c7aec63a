"""x * relu6(x + 3) / 6. Source: Howard et al., 2019, section 5.2."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Hardswish(Unary):
    name = "hardswish"
    onnx = {"HardSwish": onnx.unary("hardswish")}
    aten = {"hardswish.default": unary("hardswish")}
    tflite = {"HARD_SWISH": tflite.unary("hardswish")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return x * np.clip(x + 3, 0, 6) / np.float32(6)


OP = Hardswish()
