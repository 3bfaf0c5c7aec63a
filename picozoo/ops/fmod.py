"""Rest of a division rounded towards zero, with the dividend's sign, as C's fmod. The two inputs broadcast.

Floats: a - b * trunc(a / b); exact while the quotient is below 2^24. By zero gives NaN, for integers 0.
"""

from __future__ import annotations

import numpy as np

from picozoo.ops._aten import binary
from picozoo.ops._elementwise import INTS, Binary, binary_cases


class Fmod(Binary):
    name = "fmod"
    dtypes = ("f32", *INTS)
    aten = {"fmod.Tensor": binary("fmod"), "fmod.Scalar": binary("fmod")}
    cases = (*binary_cases(("i32", "i8")), *binary_cases(("f32",), low=0.3))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.fmod(a, b)


OP = Fmod()
