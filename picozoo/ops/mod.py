"""Rest of a division of integers rounded down, with the divisor's sign; by zero gives 0. Both inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops._aten import binary
from picozoo.ops._elementwise import INTS, Binary, binary_cases


class Mod(Binary):
    name = "mod"
    dtypes = INTS
    aten = {"remainder.Tensor": binary("mod"), "remainder.Scalar": binary("mod")}
    cases = binary_cases(("i32", "u8", "i64"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.mod(a, b)


OP = Mod()
