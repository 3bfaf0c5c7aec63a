"""Readers for aten overloads that several operator files share. `ctx` is `frontend.torch_export.Context`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Reader = Callable[..., Any]


def unary(op: str) -> Reader:
    """One tensor in, one out, no other arguments."""

    def read(ctx: Any, x: Any, **_: Any) -> Any:
        return ctx.emit(op, [ctx.ref(x, ctx.promote(x) if ctx.type(ctx.ref(x)).is_float else ctx.out_dtype)])

    return read


def binary(op: str) -> Reader:
    """Two tensors or scalars, both brought to the type PyTorch computes in; `alpha` scales the second."""

    def read(ctx: Any, a: Any, b: Any, *, alpha: Any = 1, **_: Any) -> Any:
        dtype = ctx.promote(a, b)
        if dtype != "f32" and op in ("div", "pow"):
            dtype = "f32"
        y = ctx.ref(b, dtype)
        if alpha != 1:
            y = ctx.emit("mul", [y, ctx.ref(alpha, dtype)])
        return ctx.emit(op, [ctx.ref(a, dtype), y])

    return read
