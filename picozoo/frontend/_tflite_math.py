"""TFLite operators that compute and become several of ours. `ctx` is `_tflite_call.Call`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._tflite_moves import pick
from picozoo.ops import _tflite as tflite
from picozoo.ops._conv import Conv2dAttrs
from picozoo.ops._conv_read import layer
from picozoo.ops._op import norm_axis
from picozoo.ops._pool import PoolAttrs
from picozoo.ops.pad import PadAttrs
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


def _floor_div(ctx: Any) -> str:
    x, y = ctx.ref(0), ctx.ref(1)
    if ctx.type(x).is_float:
        return str(ctx.emit("floor", [ctx.emit("div", [x, y])]))
    whole = ctx.emit("sub", [x, ctx.emit("mod", [x, y])])
    return str(ctx.emit("div", [whole, y]))


def _floor_mod(ctx: Any) -> str:
    x, y = ctx.ref(0), ctx.ref(1)
    if not ctx.type(x).is_float:
        return str(ctx.emit("mod", [x, y]))
    whole = ctx.emit("floor", [ctx.emit("div", [x, y])])
    return str(ctx.emit("sub", [x, ctx.emit("mul", [whole, y])]))


def _cumsum(ctx: Any) -> str:
    x, axis = ctx.ref(0), int(ctx.array(1, "the axis").reshape(-1)[0])
    attrs = ctx.attrs_of("cumsum")(norm_axis(axis, ctx.type(x).rank), ctx.options["exclusive"], ctx.options["reverse"])
    return str(ctx.emit("cumsum", [x], attrs))


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
    batch = np.broadcast_shapes(ta.shape[:-2], tb.shape[:-2])
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


def _transpose_conv(ctx: Any) -> str:
    """A convolution with turned weights over the input with zeros between its pixels; weights [O, KH, KW, I].

    It multiplies by these zeros too: stride * stride times the products that are needed.
    """
    x, w, out = ctx.ref(2), ctx.array(1, "transposed convolution weights"), ctx.shape_said(0)
    if ctx.type(x).rank != 4 or w.ndim != 4 or len(out) != 4:
        raise Unsupported(f"input {list(ctx.type(x).shape)} does not fit weights {list(w.shape)}")
    pad: list[int] = []
    for d, stride in ((1, ctx.options["stride_h"]), (2, ctx.options["stride_w"])):
        if stride < 1:
            raise BadFile(f"stride {stride}")
        x = _apart(ctx, x, d, stride)
        n, k = ctx.type(x).shape[d], w.shape[d]
        before = k - 1 - max(0, n + k - 1 - out[d]) // 2
        after = out[d] + k - 1 - n - before
        if min(before, after) < 0:
            x = pick(ctx, x, d, np.arange(max(0, -before), n + min(0, after)))
        pad += [max(0, before), max(0, after)]
    t = ctx.type(ctx.ref(1))
    turned = ctx.const(np.ascontiguousarray(w[:, ::-1, ::-1]), t, ctx.hint(1))
    act = ctx.act if ctx.act in ("none", "relu", "relu6") else "none"
    attrs = Conv2dAttrs(pad=(pad[0], pad[1], pad[2], pad[3]), act=act)
    return str(ctx.activated(layer(ctx, x, turned, attrs, bias_at=3), "none" if act == ctx.act else ctx.act))


def _apart(ctx: Any, x: str, axis: int, stride: int) -> str:
    """Zeros between the places of one dimension."""
    shape = ctx.type(x).shape
    if stride == 1:
        return x
    x = ctx.reshape(x, (prod(shape[: axis + 1]), 1, prod(shape[axis + 1 :])))
    x = ctx.emit("pad", [x], PadAttrs((0, 0, 0), (0, stride - 1, 0)), like=ctx.type(x))
    x = ctx.reshape(x, (*shape[:axis], shape[axis] * stride, *shape[axis + 1 :]))
    return pick(ctx, x, axis, np.arange((shape[axis] - 1) * stride + 1))


def _ceil(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.emit("neg", [ctx.emit("floor", [ctx.emit("neg", [x])])]))


READERS: Mapping[str, Callable[..., Any]] = {
    "ADD_N": _add_n,
    "L2_POOL_2D": _l2_pool,
    "FLOOR_DIV": _floor_div,
    "FLOOR_MOD": _floor_mod,
    "CUMSUM": _cumsum,
    "REDUCE_PROD": tflite.reduction("prod"),
    "L2_NORMALIZATION": _l2_norm,
    "BATCH_MATMUL": _batch_matmul,
    "CEIL": _ceil,
    "TRANSPOSE_CONV": _transpose_conv,
}
