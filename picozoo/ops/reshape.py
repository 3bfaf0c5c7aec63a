"""The same elements in the same order under another shape. Costs nothing: the output is the input's memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._op import Case, Types, norm_axis
from picozoo.ops._strided import Mover
from picozoo.specs import TensorType


@dataclass(frozen=True)
class ReshapeAttrs:
    shape: tuple[int, ...] = ()


def _read(ctx: Any, x: Any, *_: Any, **__: Any) -> Any:
    return ctx.emit("reshape", [ctx.ref(x)], ReshapeAttrs(ctx.out_shape))


def _tflite(ctx: Any) -> Any:
    """The shape is that of the output, which the file declares."""
    return ctx.reshape(ctx.ref(0), ctx.reshaped())


def _reshape(ctx: Any) -> str:
    x, want = ctx.ref(0), ctx.ints(1, "the shape")
    shape = list(ctx.shape(x))
    if not ctx.attr("allowzero", 0):
        want = [shape[d] if n == 0 and d < len(shape) else n for d, n in enumerate(want)]
    if want.count(-1) > 1 or min(want, default=0) < -1:
        raise BadFile(f"reshape to {want}")
    rest = prod(n for n in want if n != -1)
    if -1 in want:
        if not rest or ctx.type(x).size % rest:
            raise BadFile(f"{shape} cannot be reshaped to {want}")
        want[want.index(-1)] = ctx.type(x).size // rest
    return str(ctx.reshape(x, want))


def _flatten(ctx: Any) -> str:
    x = ctx.ref(0)
    shape, axis = ctx.shape(x), ctx.attr("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    return str(ctx.reshape(x, (prod(shape[:axis]), prod(shape[axis:]))))


def _squeeze(ctx: Any) -> str:
    x, axes = ctx.ref(0), ctx.ints_at("axes", 1, None, 13)
    shape = ctx.shape(x)
    gone = {d for d, n in enumerate(shape) if n == 1} if axes is None else {norm_axis(a, len(shape)) for a in axes}
    if any(shape[d] != 1 for d in gone):
        raise BadFile(f"squeeze of axes {sorted(gone)} of {list(shape)}")
    return str(ctx.reshape(x, [n for d, n in enumerate(shape) if d not in gone]))


def _unsqueeze(ctx: Any) -> str:
    x, axes = ctx.ref(0), ctx.ints_at("axes", 1, [], 13)
    rank = len(ctx.shape(x)) + len(axes)
    new, rest = {norm_axis(a, rank) for a in axes}, iter(ctx.shape(x))
    if len(new) != len(axes) or rank > 32:
        raise BadFile(f"unsqueeze of axes {axes[:8]}")
    return str(ctx.reshape(x, [1 if d in new else next(rest) for d in range(rank)]))


class Reshape(Mover):
    name = "reshape"
    moves = True
    Attrs = ReshapeAttrs
    aten = {
        f"{n}": _read
        for n in (
            "view.default",
            "reshape.default",
            "_unsafe_view.default",
            "flatten.using_ints",
            "unflatten.int",
            "squeeze.default",
            "squeeze.dim",
            "squeeze.dims",
            "unsqueeze.default",
            "view_copy.default",
        )
    }
    tflite = dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _tflite)
    onnx = {"Reshape": _reshape, "Flatten": _flatten, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze}
    cases = (
        Case((TensorType((2, 6)),), ReshapeAttrs((3, 4))),
        Case((TensorType((4,), "i8"),), ReshapeAttrs((1, 2, 2))),
    )

    def infer(self, ins: Types, attrs: ReshapeAttrs) -> list[TensorType]:
        if prod(attrs.shape) != ins[0].size:
            raise Unsupported(
                f"reshape from {list(ins[0].shape)} to {list(attrs.shape)} changes the number of elements"
            )
        return [TensorType(attrs.shape, ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ReshapeAttrs) -> list[np.ndarray]:
        return [args[0].reshape(attrs.shape)]

    def inplace(self, ins: Types, outs: Types, attrs: ReshapeAttrs) -> tuple[int, ...]:
        return (0,)

    def views(self, ins: Types, outs: Types, attrs: ReshapeAttrs) -> list[tuple[int, int, int]]:
        return [(0, 0, 0)]

    def emit(self, call: Any) -> str:
        if call.x(0, plain=True) == call.y(plain=True):
            return ""
        return call.run("pz_copy", call.y(), call.x(0), call.outs[0].nbytes, header="pz_base.h")


OP = Reshape()
