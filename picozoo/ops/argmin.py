"""Index of the smallest element along one dimension; the first of equals. int64."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._reduce import Reduce, ReduceAttrs
from picozoo.ops.argmax import place_reader
from picozoo.specs import TensorType


class Argmin(Reduce):
    name = "argmin"
    aten = {"argmin.default": place_reader("argmin")}
    onnx = {"ArgMin": onnx.place("argmin")}
    quant_rule = "none"
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    cases = (
        Case((TensorType((3, 6)),), ReduceAttrs((1,), False)),
        Case((TensorType((2, 5, 3), "i8"),), ReduceAttrs((1,), True)),
    )

    def infer(self, ins: Types, attrs: ReduceAttrs) -> list[TensorType]:
        return [super().infer(ins, attrs)[0].with_(dtype="i64")]

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.argmin(axis[0]))

    def lowers(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        return outs[0].dtype == "i64" and ins[0].quant is not None and ins[0].quant.per_tensor

    def permute(self, attrs: ReduceAttrs, ins: Types, perm: tuple[int, ...]) -> Any | None:
        return None


OP: Op = Argmin()
