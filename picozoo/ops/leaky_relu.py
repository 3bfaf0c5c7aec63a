"""x for x > 0, else slope * x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._elementwise import Unary, unary_cases
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.specs import QuantParams


@dataclass(frozen=True)
class LeakyReluAttrs:
    slope: float = 0.01


def _read(ctx: Any, x: Any, negative_slope: Any = 0.01) -> Any:
    return ctx.emit("leaky_relu", [ctx.ref(x)], LeakyReluAttrs(float(negative_slope)))


def _tflite(ctx: Any) -> Any:
    return ctx.emit("leaky_relu", [ctx.ref(0)], LeakyReluAttrs(ctx.options["alpha"]))


def _onnx(ctx: Any) -> str:
    return str(ctx.emit("leaky_relu", [ctx.ref(0)], LeakyReluAttrs(float(ctx.attr("alpha", 0.01)))))


class LeakyRelu(Unary):
    name = "leaky_relu"
    Attrs = LeakyReluAttrs
    attr_order = ("slope",)
    aten = {"leaky_relu.default": _read}
    tflite = {"LEAKY_RELU": _tflite}
    onnx = {"LeakyRelu": _onnx}
    cases = unary_cases(attrs=LeakyReluAttrs(0.2))

    def fn(self, x: np.ndarray, attrs: LeakyReluAttrs) -> np.ndarray:
        return np.where(x > 0, x, x * np.float32(attrs.slope))

    def _factors(
        self, qx: QuantParams, qy: QuantParams, attrs: LeakyReluAttrs
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        sx, sy = np.float32(qx.scale[0]), np.float32(qy.scale[0])
        return quantize_multiplier(float(sx / sy)), quantize_multiplier(float(sx * np.float32(attrs.slope) / sy))

    def table(self, qx: QuantParams, qy: QuantParams, attrs: LeakyReluAttrs) -> np.ndarray:
        x = np.arange(-128, 128) - qx.zero_point[0]
        made = [requantize(x, *m, qy.zero_point[0], -128, 127) for m in self._factors(qx, qy, attrs)]
        return np.where(x >= 0, *made).astype(np.int8)

    def wide(self, x: np.ndarray, qx: QuantParams, qy: QuantParams, attrs: LeakyReluAttrs) -> np.ndarray:
        return np.where(x >= 0, *(requantize(x, *m, 0, -32768, 32767) for m in self._factors(qx, qy, attrs)))

    def emit_wide(self, call: Any, qx: QuantParams, qy: QuantParams) -> str:
        above, below = self._factors(qx, qy, call.attrs)
        return str(call.run("pz_leaky_relu_q16", call.x(0), call.y(), call.outs[0].size, *above, *below))


OP = LeakyRelu()
