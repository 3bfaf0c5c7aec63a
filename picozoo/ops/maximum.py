"""The larger of two. The two inputs broadcast."""

from __future__ import annotations

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._aten import binary
from picozoo.ops._elementwise import Binary, binary_cases
from picozoo.ops._op import Types


class Maximum(Binary):
    name = "maximum"
    onnx = {"Max": onnx.variadic("maximum")}
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    aten = {"maximum.default": binary("maximum")}
    tflite = {"MAXIMUM": tflite.binary("maximum")}
    cases = binary_cases(("f32", "i32", "i8"))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b)

    def lowers(self, ins: Types, outs: Types, attrs: object) -> bool:
        return all(t.dtype == outs[0].dtype and t.quant == outs[0].quant for t in ins)


OP = Maximum()
