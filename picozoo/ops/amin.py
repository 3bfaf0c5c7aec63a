"""Smallest element over dimensions."""

from __future__ import annotations

import math

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._op import Types
from picozoo.ops._reduce import Reduce, ReduceAttrs, reduce_cases, reduce_reader


class Amin(Reduce):
    name = "amin"
    moves = True
    quant_rule = "same"
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    aten = {"amin.default": reduce_reader("amin"), "min.default": reduce_reader("amin")}
    tflite = {"REDUCE_MIN": tflite.reduction("amin")}
    onnx = {"ReduceMin": onnx.reduction("amin", empty=math.inf)}
    cases = reduce_cases(("f32", "i32"))

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.min(axis))

    def lowers(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        return ins[0].dtype == outs[0].dtype and ins[0].quant == outs[0].quant


OP = Amin()
