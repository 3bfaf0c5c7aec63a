"""TFLite operators that compute and become several of ours. `ctx` is `_tflite_call.Call`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._pool import PoolAttrs
from picozoo.specs import TensorType


def _plain(ctx: Any) -> None:
    if ctx.out().quant is not None:
        raise Unsupported("no integer form")


def _add_n(ctx: Any) -> str:
    _plain(ctx)
    x = ctx.ref(0)
    for i in range(1, ctx.count):
        x = ctx.emit("add", [x, ctx.ref(i)])
    return str(x)


def _l2_pool(ctx: Any) -> str:
    """Square root of the mean of squares; what hangs over the edge does not count."""
    _plain(ctx)
    x, size = ctx.ref(0), (ctx.options["height"], ctx.options["width"])
    if ctx.type(x).rank != 4:
        raise Unsupported(f"input {list(ctx.type(x).shape)} is not [N, H, W, C]")
    squares = ctx.emit("mul", [x, x], like=ctx.type(x))
    mean = ctx.emit("avg_pool2d", [squares], PoolAttrs(size, **ctx.window(x, size), count_pad=False))
    return str(ctx.activated(ctx.emit("sqrt", [mean]), ctx.act))


def _prelu(ctx: Any) -> str:
    x, slope = ctx.ref(0), ctx.ref(1)
    if ctx.out().quant is not None:
        return str(ctx.emit("prelu", [x, slope]))
    t = ctx.type(x)
    zero = ctx.const(np.zeros((), np.float32), TensorType(()), "zero")
    below = ctx.emit("mul", [ctx.emit("minimum", [x, zero], like=t), slope], like=t)
    return str(ctx.emit("add", [ctx.emit("maximum", [x, zero], like=t), below]))


def _floor_div(ctx: Any) -> str:
    x, y = ctx.ref(0), ctx.ref(1)
    if ctx.type(x).is_float:
        return str(ctx.emit("floor", [ctx.emit("div", [x, y])]))
    return str(ctx.emit("floor_div", [x, y]))


def _l2_norm(ctx: Any) -> str:
    x = ctx.ref(0)
    if ctx.out().quant is not None:
        return str(ctx.emit("l2_norm", [x], ctx.attrs_of("l2_norm")(ctx.was_unsigned(0))))
    t = ctx.type(x)
    axis = (max(t.rank - 1, 0),)
    total = ctx.emit("sum", [ctx.emit("mul", [x, x], like=t)], ctx.attrs_of("sum")(axis, True), like=t)
    least = ctx.const(np.array(1e-12, np.float32), TensorType(()), "least")
    root = ctx.emit("sqrt", [ctx.emit("maximum", [total, least], like=t)], like=t)
    return str(ctx.activated(ctx.emit("div", [x, root]), ctx.act))


def _batch_matmul(ctx: Any) -> str:
    a, b = ctx.ref(0), ctx.ref(1)
    if ctx.options["adj_x"]:
        a = _adjoint(ctx, a)
    if ctx.options["adj_y"]:
        b = _adjoint(ctx, b)
    ta, tb = ctx.type(a), ctx.type(b)
    if ta.is_float != tb.is_float:
        raise Unsupported("hybrid matrix products (float and int8)")
    batch = ctx.out().shape[:-2]
    a, b = (_spread(ctx, r, (*batch, *ctx.type(r).shape[-2:])) for r in (a, b))
    return str(ctx.emit("matmul", [a, b]))


def _adjoint(ctx: Any, x: str) -> str:
    n = ctx.type(x).rank
    perm = (*range(n - 2), n - 1, n - 2)
    return str(ctx.emit("transpose", [x], ctx.attrs_of("transpose")(perm), like=ctx.type(x)))


def _spread(ctx: Any, x: str, shape: tuple[int, ...]) -> str:
    t = ctx.type(x)
    if t.shape == shape:
        return x
    x = ctx.reshape(x, (*[1] * (len(shape) - t.rank), *t.shape))
    return str(ctx.emit("expand", [x], ctx.attrs_of("expand")(shape), like=t)) if ctx.type(x).shape != shape else x


def _ceil(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.emit("neg", [ctx.emit("floor", [ctx.emit("neg", [x])])]))


READERS: Mapping[str, Callable[..., Any]] = {
    "ADD_N": _add_n,
    "L2_POOL_2D": _l2_pool,
    "PRELU": _prelu,
    "FLOOR_DIV": _floor_div,
    "L2_NORMALIZATION": _l2_norm,
    "BATCH_MATMUL": _batch_matmul,
    "CEIL": _ceil,
}
