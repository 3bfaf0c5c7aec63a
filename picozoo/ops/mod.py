"""Rest of a division of integers rounded down, with the divisor's sign; by zero gives 0. Both inputs broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import BadFile
from picozoo.ops._elementwise import INTS, Binary, binary_cases


def _onnx(ctx: Any) -> str:
    a, b = ctx.ref(0), ctx.ref(1)
    fmod = bool(ctx.attr("fmod", 0))
    if ctx.type(a).is_float and not fmod:
        raise BadFile("Mod of floats needs fmod=1")
    return str(ctx.op("fmod" if fmod else "mod", a, b))


class Mod(Binary):
    name = "mod"
    dtypes = INTS
    onnx = {"Mod": _onnx}
    cases = binary_cases(("i32", "u8", "i64"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.mod(a, b)


OP = Mod()
