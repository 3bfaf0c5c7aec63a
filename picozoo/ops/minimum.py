"""The smaller of two. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases
from picozoo.ops._op import Types


class Minimum(Binary):
    name = "minimum"
    onnx = {"Min": onnx.variadic("minimum")}
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    aten = {"minimum.default": binary("minimum")}
    tflite = {"MINIMUM": tflite.binary("minimum")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b)

    def lowers(self, ins: Types, outs: Types, attrs: object) -> bool:
        return all(t.dtype == outs[0].dtype and t.quant == outs[0].quant for t in ins)


OP = Minimum()
