"""ONNX nodes of layers that become several operators: normalisation, resizing, unpooling, norms over an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_resize import taps
from picozoo.ops._onnx import reduced
from picozoo.ops._op import norm_axis
from picozoo.ops.layer_norm import LayerNormAttrs
from picozoo.ops.pad import PadAttrs
from picozoo.ops.scatter_elements import ScatterAttrs


# -- pooling ------------------------------------------------------------------------------------------------------
def _global_lp_pool(ctx: Any) -> str:
    x, p = ctx.ref(0), float(ctx.attr("p", 2))
    y = ctx.op("pow", ctx.op("abs", x), p)
    y = reduced(ctx, "sum", y, list(range(2, ctx.type(x).rank)), True)
    return str(ctx.op("pow", y, 1 / p))


def _max_unpool(ctx: Any) -> str:
    """Values go back to the places they came from; the rest is zero."""
    x, places = ctx.ref(0), ctx.ref(1)
    sx, kernel = ctx.shape(x), ctx.attr("kernel_shape") or []
    stride = ctx.attr("strides") or [1] * len(kernel)
    pads = ctx.attr("pads") or [0] * 2 * len(kernel)
    n = len(kernel)
    first = [(sx[d + 2] - 1) * stride[d] - pads[d] - pads[d + n] + kernel[d] for d in range(n)]
    shape = ctx.ints(2, "the output shape") if ctx.has(2) else [*sx[:2], *first]
    flat, places = ctx.reshape(x, (ctx.type(x).size,)), ctx.reshape(places, (ctx.type(places).size,))
    total = math.prod((*sx[:2], *first))
    if min(*first, *shape) < 1 or total > 1 << 24 or any(a > b for a, b in zip(first, shape[2:], strict=True)):
        raise Unsupported(f"unpooling of {list(sx)} to {shape}")
    zeros = ctx.const(np.zeros(total), "zeros", ctx.type(flat).dtype)
    y = ctx.reshape(ctx.emit("scatter_elements", [zeros, places, flat], ScatterAttrs(0, "none")), (*sx[:2], *first))
    if shape[2:] == first:
        return str(y)
    after = (0, 0, *(b - a for a, b in zip(first, shape[2:], strict=True)))
    return str(ctx.emit("pad", [y], PadAttrs((0,) * len(after), after, 0.0)))


# -- normalisation ------------------------------------------------------------------------------------------------
def _channel(ctx: Any, ref: str, rank: int) -> str:
    return str(ctx.reshape(ref, (ctx.type(ref).size, *[1] * (rank - 2))))


def _batch_norm(ctx: Any) -> Any:
    """y = x * k + b, one k and b a channel; folded into a convolution before it by `passes.fold_affine`."""
    x, eps = ctx.ref(0), float(ctx.attr("epsilon", 1e-5))
    rank = ctx.type(x).rank
    if ctx.attr("training_mode", 0):
        return _batch_norm_training(ctx, x, eps)
    known = [ctx.constant(i) for i in range(1, 5)]
    if all(a is not None for a in known):
        w, b, m, v = (a.astype(np.float64) for a in known if a is not None)
        k = w / np.sqrt(v + eps)
        shape = (-1, *[1] * (rank - 2)) if rank > 1 else (-1,)
        y = ctx.op("mul", x, ctx.const(k.reshape(shape), "scale", "f32"))
        return ctx.op("add", y, ctx.const((b - m * k).reshape(shape), "shift", "f32"))
    w, b, m, v = (_channel(ctx, ctx.ref(i), rank) for i in range(1, 5))
    k = ctx.op("div", w, ctx.op("sqrt", ctx.op("add", v, eps)))
    return ctx.op("add", ctx.op("mul", ctx.op("sub", x, m), k), b)


def _batch_norm_training(ctx: Any, x: str, eps: float) -> list[str]:
    rank, momentum = ctx.type(x).rank, float(ctx.attr("momentum", 0.9))
    axes = [d for d in range(rank) if d != 1]
    mean = reduced(ctx, "mean", x, axes, True)
    centred = ctx.op("sub", x, mean)
    var = reduced(ctx, "mean", ctx.op("mul", centred, centred), axes, True)
    w, b, m, v = (ctx.ref(i) for i in range(1, 5))
    y = ctx.op("div", centred, ctx.op("sqrt", ctx.op("add", var, eps)))
    y = ctx.op("add", ctx.op("mul", y, _channel(ctx, w, rank)), _channel(ctx, b, rank))
    made = [y]
    for old, new in ((m, mean), (v, var)):
        new = ctx.reshape(new, ctx.shape(old))
        made.append(ctx.op("add", ctx.op("mul", old, momentum), ctx.op("mul", new, 1 - momentum)))
    return made


def _instance_norm(ctx: Any) -> str:
    x = ctx.ref(0)
    return normed(ctx, x, ctx.shape(x)[1], [ctx.ref(1), ctx.ref(2)], float(ctx.attr("epsilon", 1e-5)))


def normed(ctx: Any, x: str, groups: int, affine: Sequence[str | None], eps: float) -> str:
    """Each group of channels with mean zero and variance one, then scale and shift of each channel, where given."""
    shape = ctx.shape(x)
    rows = ctx.reshape(x, (shape[0] * groups, ctx.type(x).size // (shape[0] * groups)))
    y = ctx.reshape(_rows(ctx, rows, eps), shape)
    for op, ref in zip(("mul", "add"), affine, strict=True):
        y = y if ref is None else ctx.op(op, y, _channel(ctx, ref, len(shape)))
    return str(y)


def _rows(ctx: Any, rows: str, eps: float) -> str:
    """Rows with mean zero and variance one."""
    n = ctx.shape(rows)[1]
    ones, zeros = ctx.const(np.ones(n), "ones", "f32"), ctx.const(np.zeros(n), "zeros", "f32")
    return str(ctx.emit("layer_norm", [rows, ones, zeros], LayerNormAttrs(eps)))


def _group_norm(ctx: Any) -> str:
    x, eps, groups = ctx.ref(0), float(ctx.attr("epsilon", 1e-5)), ctx.attr("num_groups", 1)
    shape = ctx.shape(x)
    if ctx.opset >= 21:
        return normed(ctx, x, groups, [ctx.ref(1), ctx.ref(2)], eps)
    y = _rows(ctx, ctx.reshape(x, (shape[0] * groups, ctx.type(x).size // (shape[0] * groups))), eps)
    y = ctx.reshape(y, (shape[0], groups, ctx.type(x).size // (shape[0] * groups)))
    w, b = (ctx.reshape(ctx.ref(i), (groups, 1)) for i in (1, 2))  # one scale a group
    return str(ctx.reshape(ctx.op("add", ctx.op("mul", y, w), b), shape))


def _lrn(ctx: Any) -> str:
    """x / (bias + alpha / size * sum of squares over neighbouring channels) ^ beta."""
    x, size = ctx.ref(0), ctx.attr("size", 1)
    shape = ctx.shape(x)
    if not 0 < size <= 1 << 10:
        raise BadFile(f"size {size}")
    before = [0] * len(shape)
    after = list(before)
    before[1], after[1] = (size - 1) // 2, size - 1 - (size - 1) // 2
    squares = ctx.emit("pad", [ctx.op("mul", x, x)], PadAttrs(tuple(before), tuple(after), 0.0))
    total = ctx.part(squares, 1, 0, shape[1])
    for k in range(1, size):
        total = ctx.op("add", total, ctx.part(squares, 1, k, shape[1]))
    total = ctx.op("add", ctx.op("mul", total, ctx.attr("alpha", 1e-4) / size), float(ctx.attr("bias", 1.0)))
    return str(ctx.op("div", x, ctx.op("pow", total, float(ctx.attr("beta", 0.75)))))


def _dropout(ctx: Any) -> Any:
    x = ctx.ref(0)
    training = bool(ctx.array(2, "training_mode").reshape(-1)[0]) if ctx.has(2) else False
    if training and ctx.number(1, 0.5, "the ratio") != 0:
        raise Unsupported("dropout in training mode draws random numbers; export the model for inference")
    if not ctx.wants(1):
        return x
    kind, ctx.out_kind = ctx.kind(0), 0
    mask = ctx.filled(list(ctx.shape(x)), True, 9)
    ctx.out_kind = kind
    return [x, mask]


# -- resizing -----------------------------------------------------------------------------------------------------
def resampled(ctx: Any, x: str, axis: int, index: np.ndarray, weights: np.ndarray) -> str:
    """A weighted sum of known places along one dimension; a plain gather if there is one each."""
    if index.shape[1] == 1 and np.all(weights == 1):
        return str(ctx.pick(x, axis, index[:, 0]))
    shape = ctx.shape(x)
    flat = ctx.reshape(x, (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])))
    where = ctx.const(index, "places", "i16" if shape[axis] < 1 << 15 else "i32")
    y = ctx.emit("resample", [flat, where, ctx.const(weights, "weights", "f32")])
    return str(ctx.reshape(y, (*shape[:axis], len(index), *shape[axis + 1 :])))


def _resize(ctx: Any) -> str:
    x, rank = ctx.ref(0), ctx.type(ctx.ref(0)).rank
    axes = [norm_axis(int(a), rank) for a in (ctx.attr("axes") or range(rank))]
    size_in = [ctx.shape(x)[a] for a in axes]
    first = 1 if ctx.opset < 11 else 2
    scales = ctx.array(first, "scales").reshape(-1).astype(np.float64) if _given(ctx, first) else None
    if _given(ctx, 3):
        out, policy = ctx.ints(3, "sizes"), ctx.attr("keep_aspect_ratio_policy", "stretch")
        exact = [o / i for o, i in zip(out, size_in, strict=True)]
        if policy != "stretch":
            s = min(exact) if policy == "not_larger" else max(exact)
            exact = [s] * len(exact)
            out = [math.floor(s * i + 0.5) for i in size_in]
        scale = exact
    elif scales is not None:
        scale = [float(np.float32(s)) for s in scales]
        out = [math.floor(i * s) for i, s in zip(size_in, scale, strict=True)]
    else:
        raise BadFile("neither scales nor sizes are given")
    if min(out, default=1) < 0 or max(out, default=1) > 1 << 20 or len(out) != len(axes):
        raise BadFile(f"sizes {out[:8]}")
    roi = ctx.array(1, "the region").reshape(-1).astype(np.float64) if _given(ctx, 1) and ctx.opset >= 11 else None
    return _resized(ctx, x, axes, scale, out, roi)


def _given(ctx: Any, i: int) -> bool:
    """Is input `i` there and not empty?"""
    return bool(ctx.has(i) and ctx.type(ctx.ref(i)).size)


def _resized(ctx: Any, x: str, axes: list[int], scale: list[float], out: list[int], roi: Any) -> str:
    mode = ctx.attr("mode", "nearest")
    how = ctx.attr("coordinate_transformation_mode", "half_pixel" if ctx.opset >= 11 else "asymmetric")
    nearest = ctx.attr("nearest_mode", "round_prefer_floor" if ctx.opset >= 11 else "floor")
    outside, own = None, ctx.type(x).dtype
    if mode == "linear" and own in ("u8", "i8"):  # in float, then cut off: as ONNX Runtime
        x = ctx.cast(ctx.plain(x), "f32")
    for k, axis in enumerate(axes):
        n = ctx.shape(x)[axis]
        if how != "tf_crop_and_resize" and out[k] == n and scale[k] == 1:
            continue
        region = (roi[k], roi[k + len(axes)]) if roi is not None and how == "tf_crop_and_resize" else (0.0, 1.0)
        index, weights, beyond = taps(
            n,
            out[k],
            scale[k],
            mode,
            how,
            nearest,
            region,
            float(ctx.attr("cubic_coeff_a", -0.75)),
            bool(ctx.attr("antialias", 0)),
            bool(ctx.attr("exclude_outside", 0)),
        )
        x = resampled(ctx, x, axis, index, weights)
        if beyond.any():
            mask = beyond.reshape((-1,) + (1,) * (ctx.type(x).rank - axis - 1))
            outside = mask if outside is None else outside | mask
    if outside is not None:
        x = ctx.op("where", ctx.const(outside, "outside"), ctx.like(float(ctx.attr("extrapolation_value", 0.0)), x), x)
    if ctx.type(x).dtype != own:  # a sum of weights a little below one must not turn 77 into 76
        x = ctx.cast(ctx.op("mul", x, 1 + 2.0**-19), own)
    return str(x)


def _upsample(ctx: Any) -> str:
    x = ctx.ref(0)
    scale = [float(s) for s in (ctx.array(1, "scales").reshape(-1) if ctx.has(1) else ctx.attr("scales"))]
    out = [math.floor(n * s) for n, s in zip(ctx.shape(x), scale, strict=True)]
    return _resized(ctx, x, list(range(len(out))), scale, out, None)


READERS: Mapping[str, Callable[..., Any]] = {
    "GlobalLpPool": _global_lp_pool,
    "MaxUnpool": _max_unpool,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LRN": _lrn,
    "Dropout": _dropout,
    "Resize": _resize,
    "Upsample": _upsample,
}
