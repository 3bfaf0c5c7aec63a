"""Bits: or. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._elementwise import INTS, Binary, binary_cases


class BitwiseOr(Binary):
    name = "bitwise_or"
    onnx = {"BitwiseOr": onnx.binary("bitwise_or")}
    dtypes = INTS
    cases = binary_cases(("i32", "u8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a | b


OP = BitwiseOr()
