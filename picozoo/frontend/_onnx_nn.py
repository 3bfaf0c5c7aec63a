"""ONNX nodes of layers: convolution, pooling, normalisation, recurrent layers, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_resize import taps
from picozoo.frontend._onnx_shapes import filled, part, pick
from picozoo.ops._onnx import reduced
from picozoo.ops._op import norm_axis
from picozoo.ops._pool import PoolAttrs
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.conv2d import Conv2dAttrs
from picozoo.ops.conv3d import Conv3dAttrs
from picozoo.ops.conv_transpose import ConvTransposeAttrs
from picozoo.ops.grid_sample import GridSampleAttrs
from picozoo.ops.layer_norm import LayerNormAttrs
from picozoo.ops.pad import PadAttrs
from picozoo.ops.pool_nd import PoolNdAttrs
from picozoo.ops.roi_align import RoiAlignAttrs
from picozoo.ops.scatter_elements import ScatterAttrs
from picozoo.ops.sum import SumAttrs


def window(ctx: Any, spatial: tuple[int, ...], kernel: list[int]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Strides, dilations and padding before and after, in each dimension of a sliding window."""
    n = len(spatial)
    stride, dilation = ctx.attr("strides") or [1] * n, ctx.attr("dilations") or [1] * n
    pads = ctx.attr("pads") or [0] * 2 * n
    fits = len(kernel) == len(stride) == len(dilation) == n and len(pads) == 2 * n and n > 0
    if not fits or min(*stride, *dilation, *kernel) < 1:
        raise BadFile(f"window {kernel[:4]}, strides {stride[:4]}, dilations {dilation[:4]} over {list(spatial)}")
    if max(map(abs, (*pads, *kernel, *stride, *dilation))) > 1 << 20:
        raise BadFile(f"window {kernel[:4]} with padding {pads[:8]}")
    mode = ctx.attr("auto_pad", "NOTSET") or "NOTSET"
    before, after = pads[:n], pads[n:]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
            for size, k, s, d in zip(spatial, kernel, stride, dilation, strict=True)
        ]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    elif mode == "VALID":
        before, after = [0] * n, [0] * n
    elif mode != "NOTSET":
        raise BadFile(f"auto_pad {mode!r}")
    return stride, dilation, before, after


def _three(v: Any, fill: int) -> tuple[int, int, int]:
    v = [fill] * (3 - len(v)) + [int(n) for n in v]
    return (v[0], v[1], v[2])


def _volume(ctx: Any, x: str) -> str:
    """[N, C, ...] -> [N, D, H, W, C] with leading dimensions of one."""
    n, c, *rest = ctx.shape(x)
    return str(ctx.transpose(ctx.reshape(x, (n, c, *_three(rest, 1))), (0, 2, 3, 4, 1)))


def _from_volume(ctx: Any, y: str, rank: int) -> str:
    n, d, h, w, c = ctx.shape(y)
    rest = (d, h, w)[5 - rank :]
    return str(ctx.reshape(ctx.transpose(y, (0, 4, 1, 2, 3)), (n, c, *rest)))


def conv(ctx: Any, x: str, w: str, bias: str | None) -> str:
    """Channels-first in and out; the layout pass removes the transposes that it can."""
    sx, sw = ctx.shape(x), ctx.shape(w)
    rank = len(sx)
    if rank not in (3, 4, 5) or len(sw) != rank:
        raise Unsupported(f"convolution of {list(sx)} with weights {list(sw)}")
    kernel = ctx.attr("kernel_shape") or list(sw[2:])
    if list(kernel) != list(sw[2:]):
        raise BadFile(f"kernel_shape {kernel[:4]} of weights {list(sw)}")
    stride, dilation, before, after = window(ctx, sx[2:], list(sw[2:]))
    groups = ctx.attr("group", 1)
    if rank == 5 or ctx.type(x).dtype == "i32":
        o, c, *size = sw
        w = ctx.transpose(ctx.reshape(w, (o, c, *_three(size, 1))), (0, 2, 3, 4, 1))
        refs = [_volume(ctx, x), w, *([bias] if bias else [])]
        attrs = Conv3dAttrs(_three(stride, 1), _three(before, 0), _three(after, 0), _three(dilation, 1), groups)
        return _from_volume(ctx, ctx.emit("conv3d", refs, attrs), rank)
    if rank == 3:
        x, w = ctx.reshape(x, (*sx[:2], 1, sx[2])), ctx.reshape(w, (*sw[:2], 1, sw[2]))
        stride, dilation, before, after = [1, *stride], [1, *dilation], [0, *before], [0, *after]
    if min(*before, *after) < 0:
        raise Unsupported("negative padding")
    refs = [ctx.transpose(x, (0, 2, 3, 1)), ctx.turned(w, (0, 2, 3, 1)), *([bias] if bias else [])]
    pad = (before[0], after[0], before[1], after[1])
    y = ctx.emit("conv2d", refs, Conv2dAttrs((stride[0], stride[1]), pad, (dilation[0], dilation[1]), groups))
    y = ctx.transpose(y, (0, 3, 1, 2))
    return str(ctx.reshape(y, (*ctx.shape(y)[:2], ctx.shape(y)[3]))) if rank == 3 else str(y)


def _conv(ctx: Any) -> str:
    return conv(ctx, ctx.ref(0), ctx.ref(1), ctx.ref(2) if ctx.has(2) else None)


def _conv_transpose(ctx: Any) -> str:
    x, w = ctx.ref(0), ctx.ref(1)
    sx, sw = ctx.shape(x), ctx.shape(w)
    n = len(sx) - 2
    if n not in (1, 2, 3) or len(sw) != n + 2:
        raise Unsupported(f"transposed convolution of {list(sx)} with weights {list(sw)}")
    kernel = list(sw[2:])
    stride, dilation = ctx.attr("strides") or [1] * n, ctx.attr("dilations") or [1] * n
    extra, pads = ctx.attr("output_padding") or [0] * n, ctx.attr("pads") or [0] * 2 * n
    mode, shape = ctx.attr("auto_pad", "NOTSET") or "NOTSET", ctx.attr("output_shape")
    full = [
        (i - 1) * s + e + (k - 1) * d + 1 for i, s, e, k, d in zip(sx[2:], stride, extra, kernel, dilation, strict=True)
    ]
    if shape or mode.startswith("SAME"):
        out = list(shape[-n:]) if shape else [i * s for i, s in zip(sx[2:], stride, strict=True)]
        total = [f - o for f, o in zip(full, out, strict=True)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        before = small if mode == "SAME_UPPER" else large
    else:
        before = pads[:n]
        out = [f - a - b for f, a, b in zip(full, before, pads[n:], strict=True)]
    if min(out) < 1 or max(out) > 1 << 24:
        raise BadFile(f"output of size {out}")
    g = ctx.attr("group", 1)
    sizes = _three(out, 1)
    attrs = ConvTransposeAttrs(_three(stride, 1), _three(before, 0), _three(dilation, 1), sizes, g)
    w = _turned(ctx, w, g)
    refs = [_volume(ctx, x), w, *([ctx.ref(2)] if ctx.has(2) else [])]
    return _from_volume(ctx, ctx.emit("conv_transpose", refs, attrs), n + 2)


def _turned(ctx: Any, w: str, groups: int) -> str:
    """[I, O / g, ...] -> [O, D, H, W, I / g]."""
    i, og, *rest = ctx.shape(w)
    w = ctx.reshape(w, (groups, i // groups, og, *_three(rest, 1)))
    w = ctx.transpose(w, (0, 2, 3, 4, 5, 1))
    return str(ctx.reshape(w, (groups * og, *_three(rest, 1), i // groups)))


# -- pooling ------------------------------------------------------------------------------------------------------
def _pool(kind: str) -> Callable[..., Any]:
    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0)) if kind != "max" else ctx.ref(0)
        sx, kernel = ctx.shape(x), ctx.attr("kernel_shape") or []
        n = len(sx) - 2
        stride, dilation, before, after = window(ctx, sx[2:], kernel)
        ceil, count = bool(ctx.attr("ceil_mode", 0)), bool(ctx.attr("count_include_pad", 0))
        if n not in (1, 2, 3):
            raise Unsupported(f"pooling of {list(sx)}")
        t = ctx.type(x)
        half = all(2 * max(a, b) <= k for a, b, k in zip(before, after, kernel, strict=True))
        plain = not ceil and set(dilation) == {1} and half and n < 3 and t.dtype in ("f32", "i8") and not ctx.wants(1)
        if plain and kind in ("max", "avg") and (kind == "max" or t.is_float):
            size, step = (
                ((1, kernel[0]), (1, stride[0])) if n == 1 else ((kernel[0], kernel[1]), (stride[0], stride[1]))
            )
            pad = (0, 0, before[0], after[0]) if n == 1 else (before[0], after[0], before[1], after[1])
            y = ctx.transpose(ctx.reshape(x, (*sx[:2], 1, sx[2]) if n == 1 else sx), (0, 2, 3, 1))
            y = ctx.emit(f"{kind}_pool2d", [y], PoolAttrs(size, step, pad, count))
            y = ctx.transpose(y, (0, 3, 1, 2))
            return ctx.reshape(y, (*sx[:2], ctx.shape(y)[3])) if n == 1 else y
        p = int(ctx.attr("p", 2))
        sides = zip(sx[2:], kernel, stride, dilation, before, after, strict=True)
        out = [_out_size(size, k, s, d, a, b, ceil) for size, k, s, d, a, b in sides]
        attrs = PoolNdAttrs(
            kind,
            _three(kernel, 1),
            _three(stride, 1),
            _three(before, 0),
            _three(after, 0),
            _three(dilation, 1),
            _three(out, 1),
            count,
            p,
            ctx.wants(1),
            bool(ctx.attr("storage_order", 0)),
        )
        made = ctx.emit("pool_nd", [ctx.reshape(ctx.plain(x), (*sx[:2], *_three(sx[2:], 1)))], attrs)
        shape = (*sx[:2], *out)
        if ctx.wants(1):
            return [ctx.reshape(made[0], shape), ctx.reshape(made[1], shape)]
        return ctx.reshape(made, shape)

    return read


def _out_size(size: int, k: int, s: int, d: int, before: int, after: int, ceil: bool) -> int:
    span = size + before + after - (k - 1) * d - 1
    if span < 0:
        raise Unsupported(f"a window of {k} with dilation {d} does not fit in {size} + {before + after} of padding")
    n = (-(-span // s) if ceil else span // s) + 1
    return n - 1 if ceil and (n - 1) * s >= size + before else n


def _global_pool(op: str) -> Callable[..., Any]:
    def read(ctx: Any) -> str:
        x = ctx.ref(0)
        rank = ctx.type(x).rank
        return str(ctx.emit(op, [x], ReduceAttrs(tuple(range(2, rank)), True))) if rank > 2 else str(x)

    return read


def _global_lp_pool(ctx: Any) -> str:
    x, p = ctx.ref(0), float(ctx.attr("p", 2))
    y = ctx.op("pow", ctx.op("abs", x), p)
    y = reduced(ctx, "sum", y, list(range(2, ctx.type(x).rank)), True, SumAttrs)
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
    x, eps = ctx.ref(0), float(ctx.attr("epsilon", 1e-5))
    shape = ctx.shape(x)
    y = _normed(ctx, ctx.reshape(x, (shape[0] * shape[1], math.prod(shape[2:]))), eps)
    w, b = (_channel(ctx, ctx.ref(i), len(shape)) for i in (1, 2))
    return str(ctx.op("add", ctx.op("mul", ctx.reshape(y, shape), w), b))


def _normed(ctx: Any, rows: str, eps: float) -> str:
    """Rows with mean zero and variance one."""
    n = ctx.shape(rows)[1]
    ones, zeros = ctx.const(np.ones(n), "ones", "f32"), ctx.const(np.zeros(n), "zeros", "f32")
    return str(ctx.emit("layer_norm", [rows, ones, zeros], LayerNormAttrs(eps)))


def _group_norm(ctx: Any) -> str:
    x, eps, groups = ctx.ref(0), float(ctx.attr("epsilon", 1e-5)), ctx.attr("num_groups", 1)
    shape = ctx.shape(x)
    y = _normed(ctx, ctx.reshape(x, (shape[0] * groups, ctx.type(x).size // (shape[0] * groups))), eps)
    if ctx.opset < 21:  # one scale a group
        y = ctx.reshape(y, (shape[0], groups, ctx.type(x).size // (shape[0] * groups)))
        w, b = (ctx.reshape(ctx.ref(i), (groups, 1)) for i in (1, 2))
    else:
        y = ctx.reshape(y, shape)
        w, b = (_channel(ctx, ctx.ref(i), len(shape)) for i in (1, 2))
    return str(ctx.reshape(ctx.op("add", ctx.op("mul", y, w), b), shape))


def _layer_norm(ctx: Any) -> Any:
    x, w = ctx.ref(0), ctx.ref(1)
    shape = ctx.shape(x)
    axis = norm_axis(ctx.attr("axis", -1), len(shape))
    if ctx.wants(1) or ctx.wants(2) or ctx.shape(w) != shape[axis:]:
        return NotImplemented
    b = ctx.ref(2) if ctx.has(2) else ctx.const(np.zeros(shape[axis:]), "zeros", "f32")
    return ctx.emit("layer_norm", [x, w, b], LayerNormAttrs(float(ctx.attr("epsilon", 1e-5))))


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
    total = part(ctx, squares, 1, 0, shape[1])
    for k in range(1, size):
        total = ctx.op("add", total, part(ctx, squares, 1, k, shape[1]))
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
    mask = filled(ctx, list(ctx.shape(x)), True, 9)
    ctx.out_kind = kind
    return [x, mask]


# -- resizing -----------------------------------------------------------------------------------------------------
def resampled(ctx: Any, x: str, axis: int, index: np.ndarray, weights: np.ndarray) -> str:
    """A weighted sum of known places along one dimension; a plain gather if there is one each."""
    if index.shape[1] == 1 and np.all(weights == 1):
        return pick(ctx, x, axis, index[:, 0])
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
    outside = None
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
    return x


def _upsample(ctx: Any) -> str:
    x = ctx.ref(0)
    scale = [float(s) for s in (ctx.array(1, "scales").reshape(-1) if ctx.has(1) else ctx.attr("scales"))]
    out = [math.floor(n * s) for n, s in zip(ctx.shape(x), scale, strict=True)]
    return _resized(ctx, x, list(range(len(out))), scale, out, None)


def _grid_sample(ctx: Any) -> str:
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(ctx.attr("mode", "linear"), ctx.attr("mode", "linear"))
    attrs = GridSampleAttrs(mode, ctx.attr("padding_mode", "zeros"), bool(ctx.attr("align_corners", 0)))
    x, grid = ctx.ref(0), ctx.ref(1)
    if ctx.type(x).rank == 4:
        (n, c, h, w), (_, oh, ow, _) = ctx.shape(x), ctx.shape(grid)
        y = ctx.emit("grid_sample", [ctx.reshape(x, (n, c, 1, h, w)), ctx.reshape(grid, (n, 1, oh, ow, 2))], attrs)
        return str(ctx.reshape(y, (n, c, oh, ow)))
    return str(ctx.emit("grid_sample", [x, grid], attrs))


def _roi_align(ctx: Any) -> str:
    a = RoiAlignAttrs(
        ctx.attr("mode", "avg"),
        (ctx.attr("output_height", 1), ctx.attr("output_width", 1)),
        ctx.attr("sampling_ratio", 0),
        float(ctx.attr("spatial_scale", 1.0)),
        ctx.attr("coordinate_transformation_mode", "half_pixel") == "half_pixel" and ctx.opset >= 16,
    )
    batch = ctx.ref(2)
    return str(ctx.emit("roi_align", [ctx.ref(0), ctx.ref(1), batch], a))


READERS: Mapping[str, Callable[..., Any]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"),
    "LpPool": _pool("lp"),
    "GlobalAveragePool": _global_pool("mean"),
    "GlobalMaxPool": _global_pool("amax"),
    "GlobalLpPool": _global_lp_pool,
    "MaxUnpool": _max_unpool,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LayerNormalization": _layer_norm,
    "LRN": _lrn,
    "Dropout": _dropout,
    "Resize": _resize,
    "Upsample": _upsample,
    "GridSample": _grid_sample,
    "RoiAlign": _roi_align,
}
