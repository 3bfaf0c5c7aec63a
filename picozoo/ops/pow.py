"""a to the power b. The two inputs broadcast. Integers wrap around; a negative power of one counts as 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


def _onnx(ctx: Any) -> str:
    """The result has the base's type; an integer base with a float exponent goes through floats."""
    a, b = ctx.ref(0), ctx.ref(1)
    ta, tb = ctx.type(a), ctx.type(b)
    if ta.is_float:
        return str(ctx.op("pow", a, ctx.cast(b, "f32")))
    if tb.is_float:
        return str(ctx.cast(ctx.op("pow", ctx.cast(a, "f32"), b), ta.dtype))
    wide = "i64" if "i64" in (ta.dtype, tb.dtype) else "i32"
    return str(ctx.cast(ctx.op("pow", ctx.cast(a, wide), ctx.cast(b, wide)), ta.dtype))


class Pow(Binary):
    name = "pow"
    dtypes = ("f32", "i32", "i64")
    aten = {"pow.Tensor_Tensor": binary("pow"), "pow.Tensor_Scalar": binary("pow")}
    tflite = {"POW": tflite.binary("pow")}
    onnx = {"Pow": _onnx}
    cases = (*binary_cases(("f32",), low=0.2), *binary_cases(("i32", "i64")))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype.kind == "f":
            return np.power(a, b)
        y = np.power(a, np.maximum(b, 0))
        return np.where(b >= 0, y, 0).astype(a.dtype)


OP = Pow()
