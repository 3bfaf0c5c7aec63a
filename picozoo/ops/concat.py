"""Joins tensors along one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Types, norm_axis
from picozoo.ops._strided import Mover, contiguous, emit_strided
from picozoo.specs import TensorType


@dataclass(frozen=True)
class ConcatAttrs:
    axis: int = 0


def _cat(ctx: Any, parts: Any, dim: int = 0) -> Any:
    refs = [ctx.ref(p, ctx.out_dtype) for p in parts]
    return ctx.emit("concat", refs, ConcatAttrs(norm_axis(dim, ctx.type(refs[0]).rank)))


def _stack(ctx: Any, parts: Any, dim: int = 0) -> Any:
    dim = norm_axis(dim, len(ctx.out_shape))
    shape = (*ctx.out_shape[:dim], 1, *ctx.out_shape[dim + 1 :])
    refs = [ctx.reshape(ctx.ref(p, ctx.out_dtype), shape) for p in parts]
    return ctx.emit("concat", refs, ConcatAttrs(dim))


def _tflite(ctx: Any) -> Any:
    refs = [ctx.ref(i) for i in range(ctx.count)]
    axis = norm_axis(ctx.options["axis"], ctx.type(refs[0]).rank)
    return ctx.activated(ctx.emit("concat", refs, ConcatAttrs(axis)), ctx.act)


def _onnx(ctx: Any) -> str:
    refs = ctx.refs()
    axis = norm_axis(ctx.attr("axis", 0), ctx.type(refs[0]).rank)
    refs = [r for r in refs if ctx.shape(r)[axis : axis + 1] != (0,)] or refs[:1]
    return refs[0] if len(refs) == 1 else str(ctx.emit("concat", refs, ConcatAttrs(axis)))


class Concat(Mover):
    name = "concat"
    Attrs = ConcatAttrs
    aten = {"cat.default": _cat, "concat.default": _cat, "stack.default": _stack}
    tflite = {"CONCATENATION": _tflite}
    onnx = {"Concat": _onnx}
    cases = (
        Case((TensorType((2, 3)), TensorType((2, 5))), ConcatAttrs(1)),
        Case((TensorType((1, 4), "i8"), TensorType((2, 4), "i8"), TensorType((3, 4), "i8")), ConcatAttrs(0)),
    )

    def infer(self, ins: Types, attrs: ConcatAttrs) -> list[TensorType]:
        axis = norm_axis(attrs.axis, ins[0].rank)
        for t in ins[1:]:
            if (
                t.dtype != ins[0].dtype
                or t.rank != ins[0].rank
                or any(a != b for d, (a, b) in enumerate(zip(t.shape, ins[0].shape, strict=True)) if d != axis)
            ):
                raise Unsupported(
                    f"concat along {axis} of {[list(t.shape) for t in ins]}: the other sizes or types differ"
                )
        shape = list(ins[0].shape)
        shape[axis] = sum(t.shape[axis] for t in ins)
        return [TensorType(tuple(shape), ins[0].dtype)]

    def quant_inputs(self, ins: Types, attrs: ConcatAttrs) -> dict[int, str]:
        return dict.fromkeys(range(len(ins)), "act")

    def lowers(self, ins: Types, outs: Types, attrs: ConcatAttrs) -> bool:
        return all(t.quant == outs[0].quant and t.dtype == outs[0].dtype for t in ins)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ConcatAttrs) -> list[np.ndarray]:
        return [np.concatenate(args, attrs.axis)]

    def permute(self, attrs: ConcatAttrs, ins: Types, perm: tuple[int, ...]) -> ConcatAttrs:
        return ConcatAttrs(perm[attrs.axis])

    def views(self, ins: Types, outs: Types, attrs: ConcatAttrs) -> list[tuple[int, int, int]]:
        """Every input, where only dimensions of one stand before the axis."""
        axis = norm_axis(attrs.axis, outs[0].rank)
        if any(d != 1 for d in outs[0].shape[:axis]):
            return []
        starts = np.cumsum([0, *(t.nbytes for t in ins)]).tolist()
        return [(0, i, -at) for i, (t, at) in enumerate(zip(ins, starts, strict=False)) if t.size]

    def emit(self, call: Any) -> str:
        views = {i: (o, i, at) for o, i, at in self.views(call.ins, call.outs, call.attrs)}
        ys, at, lines = contiguous(call.outs[0].shape), 0, []
        for i, t in enumerate(call.ins):
            if i not in views or not call.lies_in(*views[i]):
                lines.append(
                    emit_strided(
                        call, call.x(i), call.y(), t.shape, contiguous(t.shape), ys, y_off=at * ys[call.attrs.axis]
                    )
                )
            at += t.shape[call.attrs.axis]
        return "\n".join(lines)


OP = Concat()
