"""Bits to the left, zeros come in; by the width of the type or more gives 0. The two inputs broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._elementwise import INTS, Binary, binary_cases


def _onnx(ctx: Any) -> str:
    left = ctx.attr("direction", "LEFT").upper() == "LEFT"
    return str(ctx.op("shift_left" if left else "shift_right", ctx.ref(0), ctx.ref(1)))


class ShiftLeft(Binary):
    name = "shift_left"
    onnx = {"BitShift": _onnx}
    dtypes = INTS
    cases = binary_cases(("i32", "u8"), low=0.0)

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        width = 8 * a.dtype.itemsize
        moved = np.left_shift(a, np.clip(b, 0, width - 1).astype(a.dtype))
        return np.where((b >= 0) & (b < width), moved, 0).astype(a.dtype)


OP = ShiftLeft()
