"""x * sigmoid(x). Source: Elfwing et al., 2017."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


def _onnx(ctx: Any) -> str:
    x, alpha = ctx.ref(0), float(ctx.attr("alpha", 1.0))
    return str(ctx.op("silu", x) if alpha == 1 else ctx.op("mul", x, ctx.op("sigmoid", ctx.op("mul", x, alpha))))


class Silu(Unary):
    name = "silu"
    aten = {"silu.default": unary("silu")}
    onnx = {"Swish": _onnx}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return x / (1 + np.exp(-x))


OP = Silu()
