"""relu6(x + 3) / 6."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops._aten import unary
from picozoo.ops._elementwise import Unary, unary_cases


class Hardsigmoid(Unary):
    name = "hardsigmoid"
    aten = {"hardsigmoid.default": unary("hardsigmoid")}
    cases = unary_cases()

    def fn(self, x: np.ndarray, attrs: Any) -> np.ndarray:
        return np.clip(x + 3, 0, 6) / np.float32(6)


OP = Hardsigmoid()
