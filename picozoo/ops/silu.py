"""x * sigmoid(x). Source: Elfwing et al., 2017."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Silu(Unary):
    name = "silu"
    aten = {"silu.default": unary("silu")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return x / (1 + np.exp(-x))


OP = Silu()
