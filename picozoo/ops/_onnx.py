"""Readers of ONNX nodes that several operator files share. `ctx` is `frontend._onnx_call.Call`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from picozoo.errors import BadFile
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs, runs_of

Reader = Callable[..., Any]


def unary(op: str, attrs: Any = None) -> Reader:
    """One tensor in, one of the same shape out."""

    def read(ctx: Any) -> Any:
        return ctx.emit(op, [ctx.ref(0)], attrs)

    return read


def binary(op: str) -> Reader:
    """Two tensors that broadcast."""

    def read(ctx: Any) -> Any:
        return ctx.emit(op, [ctx.plain(ctx.ref(0)), ctx.plain(ctx.ref(1))])

    return read


def variadic(op: str) -> Reader:
    """Any number of tensors that broadcast, from the left."""

    def read(ctx: Any) -> Any:
        first, *rest = ctx.refs()
        for r in rest:
            first = ctx.emit(op, [first, r])
        return first

    return read


def axes_of(ctx: Any, rank: int, since: int) -> list[int] | None:
    """Axes of a reduction: attribute or second input. None if nothing is to be reduced; all if none are given."""
    axes = ctx.ints_at("axes", 1, None, since)
    if not axes:
        return None if ctx.attr("noop_with_empty_axes", 0) else list(range(rank))
    return sorted({norm_axis(int(a), rank) for a in axes})


def reduced(ctx: Any, op: str, x: str, axes: Sequence[int], keep: bool) -> str:
    """One step for each run of neighbouring dimensions."""
    shape, attrs = ctx.shape(x), ctx.attrs_of(op)
    for run in runs_of(list(axes), len(shape)) if axes else []:
        x = ctx.emit(op, [x], attrs(run, True))
    if keep:
        return x
    y: str = ctx.reshape(x, [n for d, n in enumerate(shape) if d not in axes])
    return y


def total(ctx: Any, op: str, x: str, axes: Sequence[int]) -> str:
    """As `reduced` in any element type: truth values by `any` and `all`, narrow integers summed in wide ones."""
    dtype, keep = ctx.type(x).dtype, bool(ctx.attr("keepdims", 1))
    if op in ("amax", "amin") and dtype == "bool":
        return reduced(ctx, "any" if op == "amax" else "all", x, axes, keep)
    if op == "sum" and dtype in ("i8", "u8", "i16"):
        return str(ctx.cast(reduced(ctx, op, ctx.cast(x, "i32"), axes, keep), dtype))
    return reduced(ctx, op, x, axes, keep)


def nothing(ctx: Any, x: str, axes: Sequence[int], value: float) -> str:
    """What the reduction of no elements gives; infinities are the ends of an integer type."""
    kind, t, keep = ctx.kind(0), ctx.type(x), bool(ctx.attr("keepdims", 1))
    shape = [1 if d in axes else n for d, n in enumerate(t.shape) if keep or d not in axes]
    if t.dtype == "bool":
        return str(ctx.filled(shape, value > 0, kind))
    if math.isinf(value) and not t.is_float:
        info = np.iinfo(t.numpy)
        value = info.max if value > 0 else info.min
    return str(ctx.filled(shape, value, kind))


def reduction(op: str, since: int = 18, empty: float | None = None) -> Reader:
    """Over the axes in the attribute, or from operator set `since` in the second input; `empty`: of no elements."""

    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0))
        axes = axes_of(ctx, ctx.type(x).rank, since)
        if axes is None:
            return x
        if empty is not None and axes and ctx.type(x).size == 0:
            return nothing(ctx, x, axes, empty)
        return total(ctx, op, x, axes)

    return read


def global_pool(op: str) -> Reader:
    """A reduction over all but batch and channels."""

    def read(ctx: Any) -> str:
        x = ctx.ref(0)
        rank = ctx.type(x).rank
        return str(ctx.emit(op, [x], ReduceAttrs(tuple(range(2, rank)), True))) if rank > 2 else str(x)

    return read


def place(op: str) -> Reader:
    """Place of the largest or smallest along one axis."""

    def read(ctx: Any) -> str:
        x = ctx.plain(ctx.ref(0))
        shape = ctx.shape(x)
        axis, n = norm_axis(ctx.attr("axis", 0), len(shape)), 0
        if last := bool(ctx.attr("select_last_index", 0)):
            n = shape[axis]
            x = ctx.emit("gather", [x, ctx.const(np.arange(n)[::-1], "reversed", "i32")], ctx.attrs_of("gather")(axis))
        y = ctx.emit(op, [x], ReduceAttrs((axis,), bool(ctx.attr("keepdims", 1))))
        return str(ctx.op("sub", ctx.like(n - 1, y), y) if last else y)

    return read


def matmul(ctx: Any, a: str, b: str) -> str:
    """As numpy.matmul: leading dimensions broadcast, vectors count as rows and columns."""
    sa, sb = ctx.shape(a), ctx.shape(b)
    if not sa or not sb:
        raise BadFile("a product of matrices needs at least one dimension")
    out = (*(sa[:-1]), *(sb[-1:] if len(sb) > 1 else ()))
    a = ctx.reshape(a, (1, *sa)) if len(sa) == 1 else a
    b = ctx.reshape(b, (*sb, 1)) if len(sb) == 1 else b
    ta, tb = ctx.shape(a), ctx.shape(b)
    if len(tb) == 2 and ctx.is_weight(b) and ctx.type(b).is_float and ctx.program.constant(a) is None:
        y = ctx.emit("linear", [a, ctx.turned(b, (1, 0))])  # of any rank, so that a sum behind it becomes its bias
    elif len(tb) == 2:
        y = ctx.emit("matmul", [ctx.reshape(a, (math.prod(ta[:-1]), ta[-1])), b])
    else:
        batch = np.broadcast_shapes(ta[:-2], tb[:-2])
        out = (*batch, *(sa[-2:-1]), *(sb[-1:]))
        y = ctx.emit("matmul", [ctx.expand(a, (*batch, *ta[-2:])), ctx.expand(b, (*batch, *tb[-2:]))])
    return str(ctx.reshape(y, out))
