"""PyTorch's layers that become several operators, or that say what a node of ONNX says: norms, resizing, windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._composites import READERS as COMPOSITES
from picozoo.frontend._onnx_nn import normed, resampled
from picozoo.frontend._onnx_resize import taps
from picozoo.frontend._torch_onnx import Borrowed, as_node
from picozoo.ops._reduce import ReduceAttrs

_MODES, _PADDING = ("linear", "nearest", "cubic"), ("zeros", "border", "reflection")


# -- norms --------------------------------------------------------------------------------------------------------
def _group_norm(ctx: Any, x: Any, groups: int, w: Any = None, b: Any = None, eps: float = 1e-5, *_: Any) -> str:
    v = Borrowed(ctx, [x, w, b])
    return normed(v, v.ref(0), groups, [v.ref(k) if v.has(k) else None for k in (1, 2)], eps)


def _instance_norm(
    ctx: Any, x: Any, w: Any, b: Any, mean: Any, var: Any, own: bool, momentum: float, eps: float, *_: Any
) -> Any:
    """With the statistics of each image, or (`own` false) with those of training, as batch norm."""
    if not own:
        return COMPOSITES["batch_norm.default"](ctx, x, w, b, mean, var, eps)
    return _group_norm(ctx, x, ctx.type(ctx.ref(x)).shape[1], w, b, eps)


def _embedding_bag(
    ctx: Any, table: Any, index: Any, offsets: Any, _scale: Any = False, mode: int = 0, _sparse: Any = False,
    weights: Any = None, last: bool = False, padding: int | None = None,
) -> list[Any]:  # fmt: skip
    """Rows of a table in bags of one size: sum, mean or largest."""
    ctx.only_first()
    v = Borrowed(ctx, [table])
    starts = [int(s) for s in ctx.array(offsets, "the offsets of the bags")]
    n = ctx.type(ctx.ref(index)).size
    starts = starts if last else [*starts, n]
    sizes = {b - a for a, b in pairwise(starts)}
    if len(sizes) != 1 or 0 in sizes or (padding is not None and padding >= 0):
        raise Unsupported("bags of different sizes, or with padding_idx; use nn.Embedding and a sum")
    rows = ctx.emit("gather", [v.ref(0), ctx.index(index)], v.attrs_of("gather")(0))
    rows = v.reshape(rows, (len(starts) - 1, sizes.pop(), v.shape(rows)[1]))
    if weights is not None:
        rows = v.op("mul", rows, v.reshape(ctx.ref(weights), (*v.shape(rows)[:2], 1)))
    return [v.emit(("sum", "mean", "amax")[mode], [rows], ReduceAttrs((1,), False)), None, None, None]


# -- resizing -----------------------------------------------------------------------------------------------------
def _resize(mode: str, given_corners: bool, exact: bool = False, smooth: bool = False) -> Callable[..., Any]:
    """Reader of `upsample_*`: sizes, perhaps `align_corners`, and scales, in a list or one by one.

    Args:
        exact: nearest by the centres of the pixels.
        smooth: `antialias`.
    """

    def read(ctx: Any, x: Any, size: Any, *rest: Any, **named: Any) -> str:
        corners = given_corners and bool(rest[0] if rest else named.pop("align_corners", False))
        rest = rest[1:] if given_corners else rest
        v = Borrowed(ctx, [x])
        ref, want = v.ref(0), ctx.out_shape
        factors = list(rest[0]) if rest and isinstance(rest[0], list | tuple) else [*rest, *named.values()]
        factors = [f for f in factors if isinstance(f, float | int)] or [None] * (len(want) - 2)
        for axis, factor in zip(range(2, len(want)), factors, strict=True):
            n, m = v.shape(ref)[axis], want[axis]
            scale = float(factor) if factor and not corners else m / n
            if n != m or scale != 1:
                ref = _resized(v, ref, axis, m, scale, mode, corners, exact, smooth)
        return ref

    return read


def _resized(
    v: Borrowed, x: str, axis: int, m: int, scale: float, mode: str, corners: bool, exact: bool, smooth: bool
) -> str:
    n = v.shape(x)[axis]
    if mode == "nearest":  # PyTorch multiplies in float32, which decides at the edges between two pixels
        at = (np.arange(m, dtype=np.float32) + np.float32(0.5 * exact)) * np.float32(1 / scale)
        return v.pick(x, axis, np.minimum(np.floor(at).astype(np.int64), n - 1))
    how, a = "align_corners" if corners else "half_pixel", -0.5 if smooth else -0.75
    where, weights, _ = taps(n, m, scale, mode, how, "", (0.0, 1.0), a, smooth, smooth)
    return resampled(v, x, axis, where, weights)


def _resizers() -> dict[str, Callable[..., Any]]:
    table: dict[str, Callable[..., Any]] = {}
    for n, linear in (("1d", "linear"), ("2d", "bilinear"), ("3d", "trilinear")):
        for end in ("vec", "default"):
            table[f"upsample_nearest{n}.{end}"] = _resize("nearest", False)
            table[f"_upsample_nearest_exact{n}.{end}"] = _resize("nearest", False, exact=True)
            table[f"upsample_{linear}{n}.{end}"] = _resize("linear", True)
    for end in ("vec", "default"):
        table[f"upsample_bicubic2d.{end}"] = _resize("cubic", True)
        table[f"_upsample_bilinear2d_aa.{end}"] = _resize("linear", True, smooth=True)
        table[f"_upsample_bicubic2d_aa.{end}"] = _resize("cubic", True, smooth=True)
    return table


# -- windows ------------------------------------------------------------------------------------------------------
def _conv3d(
    ctx: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> str:
    size = ctx.type(ctx.ref(w)).shape[2:]
    stride, dilation = _times(stride, 3), _times(dilation, 3)
    if isinstance(padding, str):
        whole = [(k - 1) * d * (padding == "same") for k, d in zip(size, dilation, strict=True)]
        pads = [*(t // 2 for t in whole), *(t - t // 2 for t in whole)]
    else:
        pads = _times(padding, 3) * 2
    return str(as_node(ctx, "Conv", [x, w, b], strides=stride, pads=pads, dilations=dilation, group=groups))


def _times(v: Any, n: int) -> list[int]:
    """PyTorch gives one number for all dimensions, or a list."""
    given = [int(v)] if isinstance(v, int) else [int(d) for d in v]
    return given * n if len(given) == 1 else given


def _windows(n: int, m: int) -> list[range]:
    """Places that each of m outputs of adaptive pooling is made of."""
    return [range(k * n // m, -(-(k + 1) * n // m)) for k in range(m)]


def _adaptive(kind: str) -> Callable[..., Any]:
    """Reader of adaptive pooling, one dimension after the other."""

    def read(ctx: Any, x: Any, size: Any) -> Any:
        if kind == "amax":
            ctx.only_first()
        v = Borrowed(ctx, [x])
        ref, want, n = v.ref(0), ctx.out_shape, len(_times(size, 1))
        have = v.shape(ref)[-n:]
        if kind == "mean" and all(m == 1 for m in want[-n:]):
            axes = tuple(range(len(want) - n, len(want)))
            return v.reshape(v.emit("mean", [ref], ReduceAttrs(axes, True)), want)
        if n < 3 and kind == "amax" and not any(a % b for a, b in zip(have, want[-n:], strict=True)):
            ref = ctx.read(f"max_pool{n}d.default", ref, [a // b for a, b in zip(have, want[-n:], strict=True)])
        else:
            for axis in range(len(want) - n, len(want)):
                ref = _adapted(v, ref, axis, want[axis], kind)
        return ref if kind == "mean" else [ref, None]

    return read


def _adapted(v: Borrowed, x: str, axis: int, m: int, kind: str) -> str:
    n, shape = v.shape(x)[axis], v.shape(x)
    if n == m:
        return x
    if n % m == 0:
        y = v.reshape(x, (*shape[:axis], m, n // m, *shape[axis + 1 :]))
        return str(v.emit(kind, [y], ReduceAttrs((axis + 1,), False)))
    parts = _windows(n, m)
    widest = max(len(p) for p in parts)
    rows = np.array([[p[min(k, len(p) - 1)] for k in range(widest)] for p in parts])
    if kind == "mean":
        weights = np.array([[(k < len(p)) / len(p) for k in range(widest)] for p in parts], np.float32)
        return resampled(v, x, axis, rows, weights)
    y = v.reshape(v.pick(x, axis, rows.reshape(-1)), (*shape[:axis], m, widest, *shape[axis + 1 :]))
    return str(v.emit(kind, [y], ReduceAttrs((axis + 1,), False)))


def _max_unpool(ctx: Any, x: Any, places: Any, size: Any) -> str:
    """Values go back to their places in each image; the rest is zero."""
    v = Borrowed(ctx, [x, places])
    shape, want = v.shape(v.ref(0)), ctx.out_shape
    planes, inner = math.prod(want[:2]), math.prod(want[2:])
    first = (np.arange(planes) * inner).reshape(*want[:2], *[1] * (len(want) - 2))
    at = v.op("add", v.ref(1), v.const(first, "planes", v.type(v.ref(1)).dtype))
    n = math.prod(shape)
    zeros = v.const(np.zeros(planes * inner), "zeros", v.type(v.ref(0)).dtype)
    refs = [zeros, v.reshape(at, (n,)), v.reshape(v.ref(0), (n,))]
    return v.reshape(v.emit("scatter_elements", refs, v.attrs_of("scatter_elements")(0, "none")), want)


def _grid_sample(ctx: Any, x: Any, grid: Any, mode: int, padding: int, corners: bool) -> str:
    edge, corners = _PADDING[padding], bool(corners)
    return str(as_node(ctx, "GridSample", [x, grid], mode=_MODES[mode], padding_mode=edge, align_corners=int(corners)))


def _pixel_shuffle(ctx: Any, x: Any, block: int) -> str:
    """[..., C r^2, H, W] -> [..., C, H r, W r]."""
    v = Borrowed(ctx, [x])
    shape = v.shape(v.ref(0))
    y = v.reshape(v.ref(0), (math.prod(shape[:-3]), *shape[-3:]))
    return v.reshape(as_node(ctx, "DepthToSpace", [y], blocksize=block, mode="CRD"), ctx.out_shape)


def _rrelu(ctx: Any, x: Any, low: float = 1 / 8, high: float = 1 / 3, training: bool = False, *_: Any) -> str:
    if training:
        raise Unsupported("rrelu draws random slopes in training; call .eval() on the module")
    slope = Borrowed(ctx).attrs_of("leaky_relu")((low + high) / 2)
    return str(ctx.emit("leaky_relu", [ctx.ref(x)], slope))


READERS: dict[str, Callable[..., Any]] = {
    **_resizers(),
    "group_norm.default": _group_norm,
    "instance_norm.default": _instance_norm,
    "embedding_bag.default": _embedding_bag,
    "embedding_bag.padding_idx": _embedding_bag,
    "conv3d.default": _conv3d,
    "conv3d.padding": _conv3d,
    "adaptive_avg_pool3d.default": _adaptive("mean"),
    "_adaptive_avg_pool3d.default": _adaptive("mean"),
    "adaptive_max_pool1d.default": _adaptive("amax"),
    "adaptive_max_pool2d.default": _adaptive("amax"),
    "adaptive_max_pool3d.default": _adaptive("amax"),
    "max_unpool2d.default": _max_unpool,
    "grid_sampler.default": _grid_sample,
    "grid_sampler_2d.default": _grid_sample,
    "grid_sampler_3d.default": _grid_sample,
    "pixel_shuffle.default": _pixel_shuffle,
    "rrelu.default": _rrelu,
}
