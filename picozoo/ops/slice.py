"""Part of a tensor: per dimension a start, and a step; the size follows from the output's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._op import Case, Types, norm_axis
from picozoo.ops._strided import Mover, contiguous, emit_strided, merged
from picozoo.specs import TensorType


@dataclass(frozen=True)
class SliceAttrs:
    start: tuple[int, ...] = ()
    size: tuple[int, ...] = ()
    step: tuple[int, ...] = ()


def _slice(ctx: Any, x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    x = ctx.ref(x)
    shape = ctx.type(x).shape
    dim = norm_axis(dim, len(shape))
    first, last, _ = slice(start, end, step).indices(shape[dim])
    starts, sizes, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[dim], sizes[dim], steps[dim] = first, max(0, -(-(last - first) // step)), step
    if tuple(sizes) == shape:
        return x
    return ctx.emit("slice", [x], SliceAttrs(tuple(starts), tuple(sizes), tuple(steps)))


def _select(ctx: Any, x: Any, dim: int, index: int) -> Any:
    shape = ctx.type(ctx.ref(x)).shape
    index = index % shape[norm_axis(dim, len(shape))]
    return ctx.reshape(_slice(ctx, x, dim, index, index + 1), ctx.out_shape)


def _parts(ctx: Any, x: Any, sizes: list[int], dim: int) -> list[Any]:
    found, at = [], 0
    for size in sizes:
        found.append(_slice(ctx, x, dim, at, at + size))
        at += size
    return found


def _split(ctx: Any, x: Any, size: Any, dim: int = 0) -> Any:
    n = ctx.type(ctx.ref(x)).shape[dim]
    return _parts(
        ctx, x, list(size) if isinstance(size, list | tuple) else [min(size, n - k) for k in range(0, n, size)], dim
    )


def _chunk(ctx: Any, x: Any, chunks: int, dim: int = 0) -> Any:
    n = ctx.type(ctx.ref(x)).shape[dim]
    return _split(ctx, x, -(-n // chunks), dim)


def _tflite(ctx: Any) -> Any:
    x = ctx.ref(0)
    shape = ctx.type(x).shape
    begin, size = (ctx.array(k, "begin and size").reshape(-1).tolist() for k in (1, 2))
    size = [d - a if n == -1 else n for d, a, n in zip(shape, begin, size, strict=True)]
    return ctx.emit("slice", [x], SliceAttrs(tuple(begin), tuple(size), (1,) * len(shape)))


def _onnx(ctx: Any) -> str:
    x = ctx.ref(0)
    shape = ctx.shape(x)
    if ctx.opset < 10:
        starts, ends = ctx.attr("starts"), ctx.attr("ends")
        axes, steps = ctx.attr("axes"), None
    else:
        starts, ends = ctx.ints(1, "starts"), ctx.ints(2, "ends")
        axes = ctx.ints(3, "axes") if ctx.has(3) else None
        steps = ctx.ints(4, "steps") if ctx.has(4) else None
    axes = list(range(len(starts))) if axes is None else [norm_axis(a, len(shape)) for a in axes]
    steps = steps or [1] * len(axes)
    first, size, step = [0] * len(shape), list(shape), [1] * len(shape)
    for axis, a, b, s in zip(axes, starts, ends, steps, strict=True):
        if s == 0:
            raise BadFile("a slice with step 0")
        n = shape[axis]
        lo, hi, _ = slice(_edge(a, n, s, False), _edge(b, n, s, True), s).indices(n)
        size[axis] = max(0, -(-(hi - lo) // s))
        if s < 0 and size[axis]:
            x = ctx.pick(x, axis, lo + s * np.arange(size[axis]))
            first[axis] = 0
        else:
            first[axis], step[axis] = lo if size[axis] else 0, max(s, 1)
    return ctx.cut(x, first, size, step)


def _edge(v: int, n: int, step: int, end: bool) -> int | None:
    """A bound as Python's slice takes it: far below zero means before the first."""
    if v < -n:
        return (None if end else 0) if step < 0 else 0
    return v


class Slice(Mover):
    name = "slice"
    moves = True
    Attrs = SliceAttrs
    aten = {
        "slice.Tensor": _slice,
        "select.int": _select,
        "split.Tensor": _split,
        "split_with_sizes.default": _split,
        "chunk.default": _chunk,
        "narrow.default": lambda ctx, x, dim, start, n: _slice(ctx, x, dim, start, start + n),
    }
    tflite = {"SLICE": _tflite}
    onnx = {"Slice": _onnx}
    cases = (
        Case((TensorType((4, 5, 6)),), SliceAttrs((1, 0, 2), (2, 5, 2), (1, 1, 2))),
        Case((TensorType((9,), "i8"),), SliceAttrs((1,), (4,), (2,))),
    )

    def infer(self, ins: Types, attrs: SliceAttrs) -> list[TensorType]:
        for d, a, n, s in zip(ins[0].shape, attrs.start, attrs.size, attrs.step, strict=True):
            if a < 0 or n < 0 or s < 1 or (n and a + (n - 1) * s >= d):
                raise Unsupported(f"slice start {a}, size {n}, step {s} leaves a dimension of {d}")
        return [TensorType(attrs.size, ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SliceAttrs) -> list[np.ndarray]:
        return [
            args[0][tuple(slice(a, a + n * s, s) for a, n, s in zip(attrs.start, attrs.size, attrs.step, strict=True))]
        ]

    def views(self, ins: Types, outs: Types, attrs: SliceAttrs) -> list[tuple[int, int, int]]:
        """Where what is taken lies in one piece: whole but for the first dimension of more than one."""
        steps = contiguous(ins[0].shape)
        taken = merged(attrs.size, [a * s for a, s in zip(attrs.step, steps, strict=True)], contiguous(attrs.size))
        if not outs[0].size or taken not in ([], [(outs[0].size, 1, 1)]):
            return []
        offset = sum(a * s for a, s in zip(attrs.start, steps, strict=True))
        return [(0, 0, offset * (ins[0].nbytes // ins[0].size))]

    def emit(self, call: Any) -> str:
        if any(call.lies_in(*view) for view in self.views(call.ins, call.outs, call.attrs)):
            return ""
        steps = contiguous(call.ins[0].shape)
        offset = sum(a * s for a, s in zip(call.attrs.start, steps, strict=True))
        xs = [a * s for a, s in zip(call.attrs.step, steps, strict=True)]
        return emit_strided(
            call, call.x(0), call.y(), call.outs[0].shape, xs, contiguous(call.outs[0].shape), x_off=offset
        )


OP = Slice()
