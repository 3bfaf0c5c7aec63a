"""a to the power b, float only. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases


class Pow(Binary):
    name = "pow"
    dtypes = ("f32",)
    aten = {"pow.Tensor_Tensor": binary("pow"), "pow.Tensor_Scalar": binary("pow")}
    tflite = {"POW": tflite.binary("pow")}
    cases = binary_cases(("f32",), low=0.2)

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.power(a, b)


OP = Pow()
