"""ONNX nodes about shapes: most are computed here and leave nothing behind, the rest become several operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_file import MAX_BYTES, dtype_of_kind
from picozoo.ops._op import norm_axis
from picozoo.ops.scatter_nd import ScatterNdAttrs


def _constant(ctx: Any) -> str:
    for name, dtype in (("value_float", "f32"), ("value_int", "i64"), ("value_floats", "f32"), ("value_ints", "i64")):
        found = ctx.attr(name)
        if found is not None:
            return str(ctx.const(np.asarray(found), "c", dtype))
    tensor = ctx.attributes.get("value")
    if tensor is None:
        raise Unsupported("a constant that is a string or sparse")
    array = ctx.attr("value")
    ctx.out_kind = (ctx.scope.attributes[tensor.ref_attr_name] if tensor.ref_attr_name else tensor).t.data_type
    return str(ctx.const(array, ctx.node.output[0] or "c"))


def _identity(ctx: Any) -> str:
    return str(ctx.ref(0))


def _shape(ctx: Any) -> str:
    shape = ctx.shape(ctx.ref(0))
    found = shape[slice(ctx.attr("start", 0), ctx.attr("end", len(shape)))]
    ctx.out_kind = 7
    return str(ctx.const(np.array(found, np.int64), "shape", "i64"))


def _size(ctx: Any) -> str:
    ctx.out_kind = 7
    return str(ctx.const(np.array(ctx.type(ctx.ref(0)).size), "size", "i64"))


def _constant_of_shape(ctx: Any) -> str:
    value, kind = ctx.attributes.get("value"), 1
    if value is not None:
        found = ctx.scope.attributes[value.ref_attr_name] if value.ref_attr_name else value
        kind = found.t.data_type
    numbers = ctx.attr("value", np.zeros(1, np.float32))
    return str(ctx.filled(ctx.ints(0, "the shape"), np.asarray(numbers).reshape(-1)[0], kind))


def _range(ctx: Any) -> str:
    start, limit, delta = (ctx.array(i, "start, limit and delta").reshape(-1)[0].item() for i in range(3))
    if delta == 0 or abs((limit - start) / delta) > MAX_BYTES:
        raise BadFile(f"a range from {start} to {limit} in steps of {delta}")
    n = max(0, math.ceil((limit - start) / delta))
    t = ctx.type(ctx.ref(0))
    return str(ctx.const((start + np.arange(n) * delta).astype(t.numpy), "range", t.dtype))


def _tile(ctx: Any) -> str:
    """[a, b] repeated (m, n) times: [m, a, n, b] by broadcasting, then joined."""
    x, times = ctx.ref(0), ctx.ints(1, "repeats")
    shape = ctx.shape(x)
    if len(times) != len(shape) or min(times, default=1) < 0:
        raise BadFile(f"repeats {times} for {len(shape)} dimensions")
    for axis, n in enumerate(times):
        if n != 1:
            now = ctx.shape(x)
            row = (math.prod(now[:axis]), 1, math.prod(now[axis:]))
            x = ctx.expand(ctx.reshape(x, row), (row[0], n, row[2]))
            x = ctx.reshape(x, (*now[:axis], n * now[axis], *now[axis + 1 :]))
    return str(x)


def _split(ctx: Any) -> list[str]:
    x = ctx.ref(0)
    axis, n = norm_axis(ctx.attr("axis", 0), ctx.type(x).rank), len(ctx.node.output)
    sizes, total = ctx.ints_at("split", 1, None, 13), ctx.shape(x)[axis]
    if sizes is None:
        step = -(-total // n)
        sizes = [min(step, total - k * step) for k in range(n)]
    if sum(sizes) != total or len(sizes) != n or min(sizes) < 0:
        raise BadFile(f"parts of sizes {sizes[:8]} of {total}")
    return [ctx.part(x, axis, sum(sizes[:k]), size) for k, size in enumerate(sizes)]


def _eye_like(ctx: Any) -> str:
    shape = ctx.shape(ctx.ref(0))
    kind = ctx.attr("dtype", ctx.kind(0))
    if len(shape) != 2:
        raise BadFile(f"EyeLike of {list(shape)}")
    made = np.eye(shape[0], shape[1], k=int(ctx.attr("k", 0)))
    ctx.out_kind = kind
    return str(ctx.const(made, "eye", dtype_of_kind(kind, "the output")))


def _trilu(ctx: Any) -> str:
    x, k = ctx.ref(0), ctx.ints(1, "k")[0] if ctx.has(1) else 0
    shape = ctx.shape(x)
    keep = np.tri(shape[-2], shape[-1], max(min(k - bool(ctx.attr("upper", 1)), 1 << 30), -(1 << 30)), dtype=bool)
    mask = keep if not ctx.attr("upper", 1) else ~keep
    return str(ctx.op("where", ctx.const(mask, "mask"), x, ctx.like(0, x)) if ctx.type(x).size else x)


def _depth_to_space(ctx: Any) -> str:
    x, b = ctx.ref(0), ctx.attr("blocksize", 1)
    n, c, h, w = ctx.shape(x)
    if ctx.attr("mode", "DCR") == "DCR":
        y = ctx.transpose(ctx.reshape(x, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        y = ctx.transpose(ctx.reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return str(ctx.reshape(y, (n, c // b**2, h * b, w * b)))


def _space_to_depth(ctx: Any) -> str:
    x, b = ctx.ref(0), ctx.attr("blocksize", 1)
    n, c, h, w = ctx.shape(x)
    y = ctx.transpose(ctx.reshape(x, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
    return str(ctx.reshape(y, (n, c * b * b, h // b, w // b)))


def _one_hot(ctx: Any) -> str:
    index, depth = ctx.ref(0), ctx.ints(1, "the depth")[0]
    if not 0 < depth < 1 << 24:
        raise BadFile(f"depth {depth}")
    values, rank = ctx.ref(2), ctx.type(index).rank
    axis = norm_axis(ctx.attr("axis", -1), rank + 1)
    off, on = (ctx.reshape(ctx.part(values, 0, k, 1), ()) for k in (0, 1))
    index = index if ctx.type(index).dtype in ("i32", "i64") else ctx.cast(index, "i32")
    index = ctx.emit("where", [ctx.op("lt", index, 0), ctx.op("add", index, depth), index])
    shape = ctx.shape(index)
    index = ctx.reshape(index, (*shape[:axis], 1, *shape[axis:]))
    rows = np.arange(depth).reshape((-1,) + (1,) * (rank - axis))
    hit = ctx.emit("eq", [index, ctx.const(rows, "depth", ctx.type(index).dtype)])
    return str(ctx.emit("where", [hit, on, off]))


def _reverse_sequence(ctx: Any) -> str:
    """Rows in another order for each batch: known lengths become one gather."""
    x, lengths = ctx.ref(0), ctx.ints(1, "the lengths")
    shape, time, batch = ctx.shape(x), ctx.attr("time_axis", 0), ctx.attr("batch_axis", 1)
    n, b = shape[time], shape[batch]
    if len(lengths) != b or max(lengths, default=0) > n or {time, batch} != {0, 1}:
        raise BadFile(f"lengths {lengths[:8]} for {b} sequences of {n}")
    t, s = np.mgrid[0:n, 0:b]
    source = np.where(t < np.array(lengths), np.array(lengths) - 1 - t, t)
    rows = (source * b + s) if time == 0 else (s * n + source).T
    flat = ctx.reshape(x, (n * b, math.prod(shape[2:])))
    return str(ctx.reshape(ctx.pick(flat, 0, rows.reshape(-1)), shape))


def _compress(ctx: Any) -> str:
    """Rows that a known condition keeps."""
    x, keep = ctx.ref(0), ctx.array(1, "the condition").reshape(-1).astype(bool)
    axis = ctx.attr("axis")
    if axis is None:
        x, axis = ctx.reshape(x, (ctx.type(x).size,)), 0
    axis = norm_axis(int(axis), ctx.type(x).rank)
    rows = np.flatnonzero(keep)
    if rows.size and rows.max() >= ctx.shape(x)[axis]:
        raise BadFile(f"a condition of {keep.size} for {ctx.shape(x)[axis]} rows")
    return str(ctx.pick(x, axis, rows))


def _non_zero(ctx: Any) -> str:
    ctx.out_kind = 7
    return str(
        ctx.const(np.array(np.nonzero(ctx.array(0, "the input, whose values decide the size,"))), "places", "i64")
    )


def _col2im(ctx: Any) -> str:
    """Blocks added into an image at known places."""
    x, image, block = ctx.ref(0), ctx.ints(1, "image_shape"), ctx.ints(2, "block_shape")
    k = len(image)
    stride, dilation = ctx.attr("strides") or [1] * k, ctx.attr("dilations") or [1] * k
    pads = ctx.attr("pads") or [0] * 2 * k
    n, rows, _ = ctx.shape(x)
    padded = [i + pads[d] + pads[d + k] for d, i in enumerate(image)]
    steps = [(p - d * (b - 1) - 1) // s + 1 for p, d, b, s in zip(padded, dilation, block, stride, strict=True)]
    c, count = rows // math.prod(block), math.prod(steps)
    if min(steps) < 1 or math.prod(padded) > 1 << 24 or ctx.shape(x) != (n, c * math.prod(block), count):
        raise BadFile(f"blocks {block[:4]} in an image {image[:4]} from {list(ctx.shape(x))}")
    at = np.zeros((*block, *steps), np.int64)
    for d in range(k):
        within = np.arange(block[d]) * dilation[d]
        place = within.reshape((-1,) + (1,) * (2 * k - d - 1)) + (np.arange(steps[d]) * stride[d]).reshape(
            (-1,) + (1,) * (k - d - 1)
        )
        at = at * padded[d] + place
    flat = ctx.reshape(ctx.transpose(ctx.reshape(x, (n * c, at.size)), (1, 0)), (at.size, n * c))
    zeros = ctx.const(np.zeros((math.prod(padded), n * c)), "zeros", "f32")
    places = ctx.const(at.reshape(-1, 1), "places", "i32")
    y = ctx.transpose(ctx.emit("scatter_nd", [zeros, places, flat], ScatterNdAttrs("add")), (1, 0))
    return str(ctx.cut(ctx.reshape(y, (n, c, *padded)), [0, 0, *pads[:k]], [n, c, *image]))


READERS: Mapping[str, Callable[..., Any]] = {
    "Constant": _constant,
    "Identity": _identity,
    "Shape": _shape,
    "Size": _size,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Tile": _tile,
    "Split": _split,
    "EyeLike": _eye_like,
    "Trilu": _trilu,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "OneHot": _one_hot,
    "ReverseSequence": _reverse_sequence,
    "Compress": _compress,
    "NonZero": _non_zero,
    "Col2Im": _col2im,
}
