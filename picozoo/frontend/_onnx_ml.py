"""Nodes of `ai.onnx.ml`, for what stands before and behind a network: scaling, binarising, labels, picking features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops.gather import GatherAttrs


def _binarizer(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.cast(ctx.op("gt", x, float(ctx.attr("threshold", 0.0))), ctx.type(x).dtype))


def _scaler(ctx: Any) -> str:
    x = ctx.cast(ctx.ref(0), "f32")
    offset, scale = ctx.attr("offset") or [0.0], ctx.attr("scale") or [1.0]
    y = ctx.op("sub", x, ctx.const(np.array(offset), "offset", "f32"))
    return str(ctx.op("mul", y, ctx.const(np.array(scale), "scale", "f32")))


def _features(ctx: Any) -> str:
    x = ctx.ref(0)
    n = ctx.shape(x)[-1]
    y = ctx.emit(
        "gather",
        [x, ctx.index(ctx.reshape(ctx.ref(1), (ctx.type(ctx.ref(1)).size,)), n)],
        GatherAttrs(ctx.type(x).rank - 1),
    )
    return str(ctx.reshape(y, (1, ctx.shape(y)[0])) if ctx.type(x).rank == 1 else y)


def _labels(ctx: Any) -> str:
    """One number for another: compared with each key in turn, all at once."""
    keys, values = (
        next((a for a in (ctx.attr(f"{what}_{k}") for k in ("tensor", "int64s", "floats")) if a is not None), None)
        for what in ("keys", "values")
    )
    if keys is None or values is None:
        raise Unsupported("labels that are strings")
    x, keys, values = ctx.ref(0), np.asarray(keys), np.asarray(values)
    if len(keys) != len(values) or not len(keys) or len(keys) > 1 << 12:
        raise BadFile(f"{len(keys)} keys for {len(values)} values")
    rest = ctx.attr("default_tensor")
    if rest is None:
        rest = ctx.attr("default_int64", -1) if values.dtype.kind == "i" else ctx.attr("default_float", -0.0)
    dtype = "f32" if values.dtype.kind == "f" else {2: "i16", 4: "i32"}.get(values.dtype.itemsize, "i64")
    y = ctx.const(np.asarray(rest).reshape(-1)[0], "default", dtype)
    for k, v in reversed(list(zip(keys.reshape(-1), values.reshape(-1), strict=True))):
        y = ctx.emit("where", [ctx.op("eq", x, k.item()), ctx.const(v, "label", dtype), y])
    return str(ctx.expand(y, ctx.shape(x)))


READERS: Mapping[str, Callable[..., Any]] = {
    "ai.onnx.ml.Binarizer": _binarizer,
    "ai.onnx.ml.Scaler": _scaler,
    "ai.onnx.ml.ArrayFeatureExtractor": _features,
    "ai.onnx.ml.LabelEncoder": _labels,
}
