"""Permutes dimensions: output dimension i is input dimension perm[i]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Types, norm_axis
from picozoo.ops._strided import Mover, contiguous, emit_strided
from picozoo.specs import TensorType


@dataclass(frozen=True)
class TransposeAttrs:
    perm: tuple[int, ...] = ()


def _permute(ctx: Any, x: Any, dims: Any) -> Any:
    x = ctx.ref(x)
    rank = ctx.type(x).rank
    return ctx.emit("transpose", [x], TransposeAttrs(tuple(norm_axis(d, rank) for d in dims)))


def _swap(ctx: Any, x: Any, a: int | None = None, b: int | None = None) -> Any:
    rank = ctx.type(ctx.ref(x)).rank
    perm = list(range(rank))
    a, b = (0, 1) if a is None or b is None else (norm_axis(a, rank), norm_axis(b, rank))
    if rank > 1:
        perm[a], perm[b] = perm[b], perm[a]
    return _permute(ctx, x, perm)


def _tflite(ctx: Any) -> Any:
    x, perm = ctx.ref(0), ctx.array(1, "the permutation").reshape(-1)
    return ctx.emit("transpose", [x], TransposeAttrs(tuple(norm_axis(int(p), ctx.type(x).rank) for p in perm)))


def _onnx(ctx: Any) -> str:
    x = ctx.ref(0)
    perm = ctx.attr("perm") or list(range(len(ctx.shape(x))))[::-1]
    return str(ctx.transpose(x, [int(p) for p in perm]))


class Transpose(Mover):
    name = "transpose"
    moves = True
    Attrs = TransposeAttrs
    aten = {
        "permute.default": _permute,
        "transpose.int": _swap,
        "t.default": _swap,
        "numpy_T.default": lambda ctx, x: _permute(ctx, x, list(range(ctx.type(ctx.ref(x)).rank))[::-1]),
    }
    tflite = {"TRANSPOSE": _tflite}
    onnx = {"Transpose": _onnx}
    cases = (
        Case((TensorType((2, 3, 4, 5)),), TransposeAttrs((0, 2, 3, 1))),
        Case((TensorType((3, 4), "i8"),), TransposeAttrs((1, 0))),
        Case((TensorType((2, 3, 4), "i64"),), TransposeAttrs((2, 0, 1))),
    )

    def infer(self, ins: Types, attrs: TransposeAttrs) -> list[TensorType]:
        if sorted(attrs.perm) != list(range(ins[0].rank)):
            raise Unsupported(f"transpose of a rank-{ins[0].rank} tensor got perm {attrs.perm}")
        return [TensorType(tuple(ins[0].shape[p] for p in attrs.perm), ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: TransposeAttrs) -> list[np.ndarray]:
        return [args[0].transpose(attrs.perm)]

    def emit(self, call: Any) -> str:
        steps = contiguous(call.ins[0].shape)
        return emit_strided(
            call,
            call.x(0),
            call.y(),
            call.outs[0].shape,
            [steps[p] for p in call.attrs.perm],
            contiguous(call.outs[0].shape),
        )


OP = Transpose()
