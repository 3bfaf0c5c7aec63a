"""Readers of TFLite operators that several operator files share. `ctx` is `frontend._tflite_call.Call`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from picozoo.errors import Unsupported
from picozoo.ops._reduce import ReduceAttrs, runs_of
from picozoo.specs import TensorType

Reader = Callable[..., Any]


def custom(name: str) -> str:
    """A custom operator as the keys of `Op.tflite` name it."""
    return f"CUSTOM {name!r}"


def unary(op: str, attrs: Any = None) -> Reader:
    """One tensor in, one of the same shape out."""

    def read(ctx: Any) -> Any:
        return ctx.emit(op, [ctx.ref(0)], attrs)

    return read


def binary(op: str) -> Reader:
    """Two tensors that broadcast; a fused activation follows as an operator of its own."""

    def read(ctx: Any) -> Any:
        return ctx.activated(ctx.emit(op, [ctx.ref(0), ctx.ref(1)]), ctx.act)

    return read


def comparison(op: str) -> Reader:
    """Two tensors that broadcast; quantised ones are brought to one scale first."""

    def read(ctx: Any) -> Any:
        refs = [ctx.ref(0), ctx.ref(1)]
        if any(ctx.type(r).quant is not None for r in refs):
            refs = [ctx.emit("widen", [r], like=TensorType((), "i32")) for r in refs]
        return ctx.emit(op, refs)

    return read


def reduction(op: str, attrs: type[ReduceAttrs] = ReduceAttrs) -> Reader:
    """Over the axes in the second input: one step for each run of neighbouring dimensions."""

    def read(ctx: Any) -> Any:
        x, axes = ctx.ref(0), [int(a) for a in ctx.array(1, "the axes").reshape(-1)]
        rank = ctx.type(x).rank
        if len({a % max(rank, 1) for a in axes}) != len(axes):
            raise Unsupported(f"axes {axes} name a dimension twice")
        runs = runs_of(axes, rank) if axes else []
        if len(runs) > 1 and ctx.type(x).quant is not None and op in ("mean", "sum"):  # one rounding: reduced ones last
            inner = sorted(a % rank for a in axes)
            perm = (*(d for d in range(rank) if d not in inner), *inner)
            x = ctx.emit("transpose", [x], ctx.attrs_of("transpose")(perm), like=ctx.type(x))
            runs = [tuple(range(rank - len(inner), rank))]
        for run in runs:
            x = ctx.emit(op, [x], attrs(run, True))
        return ctx.shaped(x)

    return read
