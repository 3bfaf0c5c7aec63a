"""log(1 + e^x)."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._elementwise import Unary, unary_cases


def _read(ctx: Any, x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta x)) / beta; above `threshold` the line, which it then is in float32 anyway."""
    x = ctx.ref(x)
    if beta == 1 and threshold >= 15:
        return ctx.emit("softplus", [x])
    scaled = ctx.emit("mul", [x, ctx.ref(float(beta))])
    y = ctx.emit("div", [ctx.emit("softplus", [scaled]), ctx.ref(float(beta))])
    if threshold >= 15:
        return y
    return ctx.emit("where", [ctx.emit("gt", [scaled, ctx.ref(float(threshold))]), x, y])


class Softplus(Unary):
    name = "softplus"
    aten = {"softplus.default": _read}
    onnx = {"Softplus": onnx.unary("softplus")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.logaddexp(np.float32(0), x)


OP = Softplus()
