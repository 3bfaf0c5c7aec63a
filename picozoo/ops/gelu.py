"""Gaussian error linear unit, exact or in its tanh form. Source: Hendrycks and Gimpel, 2016."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._elementwise import Unary, unary_cases


@dataclass(frozen=True)
class GeluAttrs:
    tanh: bool = False


def _read(ctx: Any, x: Any, *, approximate: str = "none") -> Any:
    return ctx.emit("gelu", [ctx.ref(x)], GeluAttrs(approximate == "tanh"))


def _tflite(ctx: Any) -> Any:
    return ctx.emit("gelu", [ctx.ref(0)], GeluAttrs(bool(ctx.options["approximate"])))


def _onnx(ctx: Any) -> str:
    return str(ctx.emit("gelu", [ctx.ref(0)], GeluAttrs(ctx.attr("approximate", "none") == "tanh")))


class Gelu(Unary):
    name = "gelu"
    Attrs = GeluAttrs
    attr_order = ("tanh",)
    aten = {"gelu.default": _read}
    tflite = {"GELU": _tflite}
    onnx = {"Gelu": _onnx}
    cases = (*unary_cases(attrs=GeluAttrs()), *unary_cases(attrs=GeluAttrs(True)))

    def fn(self, x: np.ndarray, attrs: GeluAttrs) -> np.ndarray:
        x = x.astype(np.float64)
        if attrs.tanh:
            return (0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))).astype(np.float32)
        erf = np.vectorize(math.erf, otypes=[np.float64])
        return (0.5 * x * (1 + erf(x / math.sqrt(2)))).astype(np.float32)


OP = Gelu()
