"""Running sum along one dimension; integers wrap around."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType


@dataclass(frozen=True)
class CumsumAttrs:
    """`exclusive`: without the element itself; `reverse`: from the end."""

    axis: int = 0
    exclusive: bool = False
    reverse: bool = False


def _torch(ctx: Any, x: Any, dim: int, **_: Any) -> Any:
    x = ctx.ref(x, ctx.out_dtype)
    return ctx.emit("cumsum", [x], CumsumAttrs(norm_axis(dim, ctx.type(x).rank)))


def _onnx(ctx: Any) -> Any:
    x, axis = ctx.ref(0), ctx.ints(1, "the axis")[0]
    a = CumsumAttrs(norm_axis(axis, ctx.type(x).rank), bool(ctx.attr("exclusive", 0)), bool(ctx.attr("reverse", 0)))
    return ctx.emit("cumsum", [x], a)


class Cumsum(Op):
    name = "cumsum"
    Attrs = CumsumAttrs
    aten = {"cumsum.default": _torch}
    onnx = {"CumSum": _onnx}
    cases = tuple(
        Case((TensorType((2, 5, 3), d),), CumsumAttrs(1, e, r))
        for d, e, r in (("f32", False, False), ("i32", True, False), ("i64", False, True), ("f32", True, True))
    )

    def infer(self, ins: Types, attrs: CumsumAttrs) -> list[TensorType]:
        if ins[0].dtype not in ("f32", "i32", "i64") or not 0 <= attrs.axis < ins[0].rank:
            raise Unsupported(f"cumsum along axis {attrs.axis} of {ins[0].dtype}{list(ins[0].shape)}")
        return [TensorType(ins[0].shape, ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: CumsumAttrs) -> list[np.ndarray]:
        x = np.flip(args[0], attrs.axis) if attrs.reverse else args[0]
        y = np.cumsum(x, attrs.axis, dtype=x.dtype)
        y = y - x if attrs.exclusive and x.dtype.kind != "f" else y
        if attrs.exclusive and x.dtype.kind == "f":
            y = np.roll(y, 1, attrs.axis)
            y[(slice(None),) * attrs.axis + (0,)] = 0
        return [np.flip(y, attrs.axis) if attrs.reverse else y]

    def inplace(self, ins: Types, outs: Types, attrs: CumsumAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        s, a = call.ins[0].shape, call.attrs
        sizes = (prod(s[: a.axis]), s[a.axis], prod(s[a.axis + 1 :]), int(a.exclusive), int(a.reverse))
        return call.run(f"pz_cumsum_{call.ins[0].dtype}", call.x(0), call.y(), *sizes)


OP = Cumsum()
