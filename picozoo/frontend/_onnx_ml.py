"""Nodes of `ai.onnx.ml`, for what stands before and behind a model: scaling, filling gaps, categories, labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_classes import Rows, rows
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.sum import SumAttrs

_SPARSE = 4  # numbers between the keys of a table for each key


def _binarizer(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.cast(ctx.op("gt", x, float(ctx.attr("threshold", 0.0))), ctx.type(x).dtype))


def _scaler(ctx: Any) -> str:
    x = ctx.cast(ctx.ref(0), "f32")
    offset, scale = ctx.attr("offset") or [0.0], ctx.attr("scale") or [1.0]
    y = ctx.op("sub", x, ctx.const(np.array(offset), "offset", "f32"))
    return str(ctx.op("mul", y, ctx.const(np.array(scale), "scale", "f32")))


def _looked_up(ctx: Any, x: str, keys: np.ndarray, values: np.ndarray, rest: Any, dtype: str) -> str:
    """A table from the least key to the largest, and behind them what all other numbers become."""
    low, high = int(keys.min()), int(keys.max())
    table = np.full(high - low + 2, rest, values.dtype)
    table[keys[::-1] - low] = values[::-1]  # the first of equal keys counts
    x = ctx.cast(ctx.plain(x), "i64")
    inside = ctx.op("logical_and", ctx.op("ge", x, low), ctx.op("le", x, high))
    place = ctx.op("where", inside, ctx.op("sub", x, low), ctx.like(high - low + 1, x))
    return str(ctx.emit("gather", [ctx.const(table, "labels", dtype), place], ctx.attrs_of("gather")(0)))


def _labels(ctx: Any) -> str:
    """One number for another: looked up where keys are whole numbers close together, else compared with each."""
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
    close = keys.dtype.kind == "i" and not ctx.type(x).is_float
    if close and int(keys.max()) - int(keys.min()) <= _SPARSE * keys.size + 64:
        return _looked_up(ctx, x, keys.reshape(-1), values.reshape(-1), np.asarray(rest).reshape(-1)[0], dtype)
    y = ctx.const(np.asarray(rest).reshape(-1)[0], "default", dtype)
    for k, v in reversed(list(zip(keys.reshape(-1), values.reshape(-1), strict=True))):
        y = ctx.emit("where", [ctx.op("eq", x, k.item()), ctx.const(v, "label", dtype), y])
    return str(ctx.expand(y, ctx.shape(x)))


# What each norm divides a row by.
_NORMS = {"MAX": ("amax", ""), "L1": ("sum", "abs"), "L2": ("sum", "square")}


def _normalizer(ctx: Any) -> str:
    """Each row divided by its largest element, the sum of its sizes, or its length; rows of zeros stay."""
    b, x = Rows(ctx), rows(ctx)
    norm = ctx.attr("norm", "MAX")
    if norm not in _NORMS:
        raise BadFile(f"norm {norm!r}")
    op, before = _NORMS[norm]
    y = b.emit("mul", [x, x]) if before == "square" else b.emit(before, [x]) if before else x
    y = b.emit(op, [y], ctx.attrs_of(op)((1,), True))
    y = b.emit("sqrt", [y]) if norm == "L2" else y
    return b.emit("div", [x, b.emit("where", [b.binary("eq", y, 0.0), b.const(1.0, "one", "f32"), y])])


def _imputer(ctx: Any) -> str:
    """Known numbers in the place of one number, or of NaN."""
    x = ctx.plain(ctx.ref(0))
    kind = "float" if ctx.type(x).is_float else "int64"
    values, gone = ctx.attr(f"imputed_value_{kind}s") or [], ctx.attr(f"replaced_value_{kind}", 0)
    if len(values) not in (1, ctx.shape(x)[-1]):
        raise BadFile(f"{len(values)} values for {ctx.shape(x)[-1]} features")
    hit = ctx.op("is_nan", x) if gone != gone else ctx.op("eq", x, gone)
    return str(ctx.emit("where", [hit, ctx.const(np.array(values), "imputed", ctx.type(x).dtype), x]))


def _one_hot(ctx: Any) -> str:
    """A dimension more: 1 at the place of the category in the list of all."""
    cats = ctx.attr("cats_int64s")
    if not cats:
        raise Unsupported("categories that are strings")
    x = ctx.cast(ctx.plain(ctx.ref(0)), "i64")
    hit = ctx.op("eq", ctx.reshape(x, (*ctx.shape(x), 1)), ctx.const(np.array(cats, np.int64), "categories"))
    return str(ctx.cast(hit, "f32"))


def _joined(ctx: Any) -> str:
    """Columns side by side, as floats."""
    refs = [ctx.cast(ctx.plain(r), "f32") for r in ctx.refs()]
    refs = [ctx.reshape(r, (1, *ctx.shape(r))) if ctx.type(r).rank == 1 else r for r in refs]
    widths = [ctx.shape(r)[1] for r in refs if ctx.type(r).rank == 2]
    if widths != [int(n) for n in ctx.attr("inputdimensions") or widths] or len(widths) != len(refs):
        raise Unsupported(f"inputs of {widths} columns for inputdimensions {ctx.attr('inputdimensions')}")
    return Rows(ctx).concat(refs)


def _zip_map(ctx: Any) -> str:
    """The numbers that the maps hold, one column for each key in the order of the keys; names go into `meta`."""
    names = ctx.attr("classlabels_strings")
    if names:
        ctx.program.meta["classes"] = ", ".join(names)
    return str(ctx.ref(0))


def _tfidf(ctx: Any) -> str:
    """Counts of known n-grams in sequences of numbers: every window compared with every n-gram at once."""
    pool, counts = ctx.attr("pool_int64s"), ctx.attr("ngram_counts") or []
    if pool is None:
        raise Unsupported("n-grams of strings")
    x, low, high = ctx.ref(0), ctx.attr("min_gram_length", 1), ctx.attr("max_gram_length", 1)
    flat = ctx.type(x).rank == 1
    x = ctx.reshape(x, (1, *ctx.shape(x))) if flat else x
    b, length = ctx.shape(x)
    places = np.array(ctx.attr("ngram_indexes") or [], np.int64)
    grams: list[list[int]] = []
    for n, first in enumerate(counts, 1):
        last = counts[n] if n < len(counts) else len(pool)
        if not 0 <= first <= last <= len(pool) or (last - first) % n:
            raise BadFile(f"n-gram counts {counts[:8]}")
        grams += [list(pool[k : k + n]) for k in range(first, last, n)]
    if len(grams) != len(places) or not grams or places.min() < 0 or len(grams) > 1 << 12 or high > 64:
        raise BadFile(f"{len(grams)} n-grams for {len(places)} places")
    total = ctx.const(np.zeros((b, len(grams))), "zeros", "f32")
    for n in range(max(low, 1), min(high, length, len(counts)) + 1):
        mine = [k for k, g in enumerate(grams) if len(g) == n]
        for skip in range(min(int(ctx.attr("max_skip_count", 0)), length) + 1 if n > 1 else 1):
            windows = length - (n - 1) * (skip + 1)
            if mine and windows > 0:
                total = ctx.op(
                    "add", total, _counted(ctx, x, [grams[k] for k in mine], mine, len(grams), windows, skip + 1)
                )
    return _weighted(ctx, total, places, flat)


def _counted(ctx: Any, x: str, grams: list[list[int]], mine: list[int], count: int, windows: int, step: int) -> str:
    """How often each n-gram of one length stands in each row; [B, count], zero for the others."""
    b, n = ctx.shape(x)[0], len(grams[0])
    rows = (np.arange(windows)[:, None] + step * np.arange(n)).reshape(-1)
    cut = ctx.reshape(ctx.pick(x, 1, rows), (b, windows, 1, n))
    same = ctx.op("eq", cut, ctx.const(np.array(grams).reshape(1, 1, len(grams), n), "grams", ctx.type(x).dtype))
    whole = ctx.emit("all", [same], ReduceAttrs((3,), False))
    found = ctx.cast(ctx.emit("sum", [whole], SumAttrs((1,), False, "i32")), "f32")
    spread = np.zeros((count, len(grams)))
    spread[mine, np.arange(len(grams))] = 1
    return str(ctx.emit("linear", [found, ctx.const(spread, "spread", "f32")]))


def _weighted(ctx: Any, total: str, places: np.ndarray, flat: bool) -> str:
    mode, weights = ctx.attr("mode", "TF"), ctx.attr("weights") or [1.0] * len(places)
    if mode == "IDF":
        total = ctx.cast(ctx.op("gt", total, 0.0), "f32")
    matrix = np.zeros((int(places.max()) + 1, len(places)))
    matrix[places, np.arange(len(places))] = 1.0 if mode == "TF" else weights
    y = ctx.emit("linear", [total, ctx.const(matrix, "places", "f32")])
    return str(ctx.reshape(y, ctx.shape(y)[1:]) if flat else y)


READERS: Mapping[str, Callable[..., Any]] = {
    "ai.onnx.ml.Binarizer": _binarizer,
    "ai.onnx.ml.Scaler": _scaler,
    "ai.onnx.ml.LabelEncoder": _labels,
    "ai.onnx.ml.Normalizer": _normalizer,
    "ai.onnx.ml.Imputer": _imputer,
    "ai.onnx.ml.OneHotEncoder": _one_hot,
    "ai.onnx.ml.FeatureVectorizer": _joined,
    "ai.onnx.ml.ZipMap": _zip_map,
    "TfIdfVectorizer": _tfidf,
}
