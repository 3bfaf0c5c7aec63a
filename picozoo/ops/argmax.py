"""Index of the largest element along one dimension; the first of equals. int64, as PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.ops._reduce import Reduce, ReduceAttrs
from picozoo.ops.cast import CastAttrs
from picozoo.specs import QuantParams, TensorType


def place_reader(op: str) -> Any:
    """Reader of the place of the largest or smallest element, of all if no dimension is given."""

    def read(ctx: Any, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        x = ctx.ref(x)
        if dim is None:
            x, dim = ctx.reshape(x, (ctx.type(x).size,)), 0
        y = ctx.emit(op, [x], ReduceAttrs((norm_axis(dim, ctx.type(x).rank),), keepdim))
        return ctx.reshape(y, ctx.out_shape)

    return read


def _tflite(ctx: Any) -> Any:
    x, axis = ctx.ref(0), int(ctx.array(1, "the axis").reshape(-1)[0])
    attrs = ReduceAttrs((norm_axis(axis, ctx.type(x).rank),), False)
    y = ctx.emit("argmax", [x], attrs, like=TensorType((), "i64"))
    return y if ctx.out().dtype == "i64" else ctx.emit("cast", [y], CastAttrs(ctx.out().dtype))


class Argmax(Reduce):
    name = "argmax"
    quant_rule = "none"
    dtypes = ("f32", "i8", "u8", "i16", "i32", "i64")
    aten = {"argmax.default": place_reader("argmax")}
    tflite = {"ARG_MAX": _tflite}
    onnx = {"ArgMax": onnx.place("argmax")}
    cases = (
        Case((TensorType((3, 6)),), ReduceAttrs((1,), False)),
        Case((TensorType((2, 5, 3), "i8"),), ReduceAttrs((1,), True)),
        Case(
            (TensorType((1, 6), "i8", QuantParams.tensor(0.1)),), ReduceAttrs((1,), False), (TensorType((1,), "i64"),)
        ),
    )

    def infer(self, ins: Types, attrs: ReduceAttrs) -> list[TensorType]:
        return [super().infer(ins, attrs)[0].with_(dtype="i64")]

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.argmax(axis[0]))

    def lowers(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        return outs[0].dtype == "i64"  # integers of one scale are in the order of what they stand for

    def permute(self, attrs: ReduceAttrs, ins: Types, perm: tuple[int, ...]) -> ReduceAttrs | None:
        return None


OP: Op = Argmax()
