"""Repeats dimensions of size one until the tensor has the given shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._elementwise import broadcast_shape
from picozoo.ops._op import Case, Types
from picozoo.ops._strided import Mover, contiguous, emit_strided
from picozoo.specs import TensorType


@dataclass(frozen=True)
class ExpandAttrs:
    shape: tuple[int, ...] = ()


def _read(ctx: Any, x: Any, *_: Any, **__: Any) -> Any:
    x = ctx.ref(x)
    return x if ctx.type(x).shape == ctx.out_shape else ctx.emit("expand", [x], ExpandAttrs(ctx.out_shape))


def _onnx(ctx: Any) -> str:
    x, shape = ctx.ref(0), ctx.ints(1, "the shape")
    return str(ctx.expand(x, np.broadcast_shapes(ctx.shape(x), tuple(shape))))


class Expand(Mover):
    name = "expand"
    moves = True
    Attrs = ExpandAttrs
    aten = {"expand.default": _read, "expand_as.default": _read, "broadcast_to.default": _read}
    tflite = {"BROADCAST_TO": lambda ctx: ctx.emit("expand", [ctx.ref(0)], ExpandAttrs(ctx.shape_said(1)))}
    onnx = {"Expand": _onnx}
    cases = (Case((TensorType((3, 1)),), ExpandAttrs((2, 3, 4))), Case((TensorType((), "i8"),), ExpandAttrs((5,))))

    def infer(self, ins: Types, attrs: ExpandAttrs) -> list[TensorType]:
        return [TensorType(broadcast_shape(ins[0].shape, attrs.shape), ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ExpandAttrs) -> list[np.ndarray]:
        return [np.broadcast_to(args[0], outs[0].shape)]

    def emit(self, call: Any) -> str:
        shape = call.outs[0].shape
        full = (1,) * (len(shape) - call.ins[0].rank) + call.ins[0].shape
        xs = [s if d != 1 else 0 for d, s in zip(full, contiguous(full), strict=True)]
        return emit_strided(call, call.x(0), call.y(), shape, xs, contiguous(shape))


OP = Expand()
