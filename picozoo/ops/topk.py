"""The k largest (or smallest) elements along one dimension, best first, and their places; the first of equals first."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType

_TYPES = ("f32", "i8", "u8", "i16", "i32", "i64")


@dataclass(frozen=True)
class TopkAttrs:
    k: int = 1
    axis: int = 0
    largest: bool = True


def _read(ctx: Any, x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    ref = ctx.ref(x)
    return ctx.emit("topk", [ref], TopkAttrs(int(k), norm_axis(dim, ctx.type(ref).rank), bool(largest)))


def _onnx(ctx: Any) -> Any:
    x = ctx.plain(ctx.ref(0))
    k = ctx.ints(1, "k")[0] if ctx.opset >= 10 else ctx.attr("k", 1)
    axis = norm_axis(ctx.attr("axis", -1), ctx.type(x).rank)
    return ctx.emit("topk", [x], TopkAttrs(int(k), axis, bool(ctx.attr("largest", 1))))


def _tflite(ctx: Any) -> Any:
    x, k = ctx.ref(0), int(ctx.array(1, "k").reshape(-1)[0])
    axis = ctx.type(x).rank - 1
    places = TensorType((), "i64")
    y, at = ctx.emit_all("topk", [x], TopkAttrs(k, axis), [ctx.type(x), places])
    return [y, ctx.emit("cast", [at], ctx.attrs_of("cast")("i32"), like=ctx.out(1))]


class Topk(Op):
    name = "topk"
    Attrs = TopkAttrs
    tflite = {"TOPK_V2": _tflite}
    aten = {"topk.default": _read}
    onnx = {"TopK": _onnx}
    cases = (
        Case((TensorType((3, 7)),), TopkAttrs(3, 1)),
        Case((TensorType((2, 6, 3), "i8"),), TopkAttrs(4, 1, False)),
        Case((TensorType((9,), "i32"),), TopkAttrs(9, 0)),
    )

    def infer(self, ins: Types, attrs: TopkAttrs) -> list[TensorType]:
        x = ins[0]
        if x.dtype not in _TYPES:
            raise Unsupported(f"topk takes {', '.join(_TYPES)}, got {x.dtype}")
        if not 0 <= attrs.axis < x.rank or not 0 < attrs.k <= x.shape[attrs.axis]:
            raise Unsupported(f"topk: the best {attrs.k} along axis {attrs.axis} of {list(x.shape)}")
        shape = (*x.shape[: attrs.axis], attrs.k, *x.shape[attrs.axis + 1 :])
        return [TensorType(shape, x.dtype), TensorType(shape, "i64")]

    def lowers(self, ins: Types, outs: Types, attrs: TopkAttrs) -> bool:
        return ins[0].quant == outs[0].quant and ins[0].dtype == outs[0].dtype

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: TopkAttrs) -> list[np.ndarray]:
        x = args[0].astype(np.float64) if ins[0].is_float else args[0].astype(np.int64)
        order = np.argsort(-x if attrs.largest else x, attrs.axis, kind="stable")
        first = np.take(order, np.arange(attrs.k), attrs.axis)
        return [np.take_along_axis(args[0], first, attrs.axis), first]

    def emit(self, call: Any) -> str:
        x, a = call.ins[0], call.attrs
        sizes = (prod(x.shape[: a.axis]), x.shape[a.axis], prod(x.shape[a.axis + 1 :]), a.k, int(a.largest))
        return call.run(f"pz_topk_{x.dtype}", call.x(0), call.y(0), call.y(1), *sizes)


OP = Topk()
