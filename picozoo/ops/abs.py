"""Magnitude."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.specs import QuantParams


class Abs(Unary):
    name = "abs"
    onnx = {"Abs": onnx.unary("abs")}
    dtypes = ("f32", "i8", "i16", "i32", "i64")
    aten = {"abs.default": unary("abs")}
    tflite = {"ABS": tflite.unary("abs")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.abs(x)

    def table(self, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        made = requantize(
            np.abs(np.arange(-128, 128) - qx.zero_point[0]), *_factor(qx, qy), qy.zero_point[0], -128, 127
        )
        return made.astype(np.int8)

    def wide(self, x: np.ndarray, qx: QuantParams, qy: QuantParams, attrs: Any) -> np.ndarray:
        return requantize(np.abs(x.astype(np.int64)), *_factor(qx, qy), 0, -32768, 32767)

    def emit_wide(self, call: Any, qx: QuantParams, qy: QuantParams) -> str:
        return str(call.run("pz_abs_q16", call.x(0), call.y(), call.outs[0].size, *_factor(qx, qy)))


def _factor(qx: QuantParams, qy: QuantParams) -> tuple[int, int]:
    """As LiteRT: nothing is rounded where both scales are equal, which a factor of one gives too."""
    return quantize_multiplier(float(np.float32(qx.scale[0]) / np.float32(qy.scale[0])))


OP = Abs()
