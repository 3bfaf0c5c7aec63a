"""True where the number is infinite, of either sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


class IsInf(Unary):
    name = "is_inf"

    quant_rule = "none"
    aten = {"isinf.default": unary("is_inf")}
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
