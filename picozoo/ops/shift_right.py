"""Bits to the right, zeros come in; by the width of the type or more gives 0. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops._elementwise import INTS, Binary, binary_cases


class ShiftRight(Binary):
    name = "shift_right"
    dtypes = INTS
    cases = binary_cases(("i32", "u8"), low=0.0)

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        unsigned, width = a.view(f"uint{8 * a.dtype.itemsize}"), 8 * a.dtype.itemsize
        moved = np.right_shift(unsigned, np.clip(b, 0, width - 1).astype(unsigned.dtype)).view(a.dtype)
        return np.where((b >= 0) & (b < width), moved, 0).astype(a.dtype)


OP = ShiftRight()
