"""True where the number is infinite, of either sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


def _onnx(ctx: Any) -> str:
    x, up, down = ctx.ref(0), ctx.attr("detect_positive", 1), ctx.attr("detect_negative", 1)
    y = ctx.emit("is_inf", [x])
    if not up:
        y = ctx.op("logical_and", y, ctx.op("lt", x, 0.0))
    return str(y if down else ctx.op("logical_and", y, ctx.op("gt", x, 0.0)))


class IsInf(Unary):
    name = "is_inf"

    quant_rule = "none"
    aten = {"isinf.default": unary("is_inf")}
    onnx = {"IsInf": _onnx}
    cases = (Case((TensorType((2, 5)),)),)

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        return [super().infer(ins, attrs)[0].with_(dtype="bool")]

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.isinf(x)

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return False

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return ()


OP = IsInf()
