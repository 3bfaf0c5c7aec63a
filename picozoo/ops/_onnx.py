"""Readers of ONNX nodes that several operator files share. `ctx` is `frontend._onnx_call.Call`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


def reduced(ctx: Any, op: str, x: str, axes: Sequence[int], keep: bool, make: type[ReduceAttrs] = ReduceAttrs) -> str:
    """One step for each run of neighbouring dimensions."""
    shape = ctx.shape(x)
    for run in runs_of(list(axes), len(shape)) if axes else []:
        x = ctx.emit(op, [x], make(run, True))
    if keep:
        return x
    y: str = ctx.reshape(x, [n for d, n in enumerate(shape) if d not in axes])
    return y


def reduction(op: str, attrs: type[ReduceAttrs] = ReduceAttrs, since: int = 18, narrow: bool = False) -> Reader:
    """Over the axes in attribute or input; `narrow`: the operator takes 8-bit integers and bool as they are."""

    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0))
        axes = axes_of(ctx, ctx.type(x).rank, since)
        return x if axes is None else reduced(ctx, op, x, axes, bool(ctx.attr("keepdims", 1)), attrs)

    return read
