"""Operators of TFLite files that become several of ours, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._op import norm_axis
from picozoo.ops._tflite import custom
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.slice import SliceAttrs


def _part(ctx: Any, x: str, axis: int, at: int, n: int) -> str:
    shape = ctx.type(x).shape
    start, size = [0] * len(shape), list(shape)
    start[axis], size[axis] = at, n
    made: str = ctx.emit("slice", [x], SliceAttrs(tuple(start), tuple(size), (1,) * len(shape)), like=ctx.type(x))
    return made


def _parts(ctx: Any, x: str, axis: int, sizes: list[int]) -> list[str]:
    found, at = [], 0
    for n in sizes:
        found.append(_part(ctx, x, axis, at, n))
        at += n
    return found


def _split(ctx: Any) -> list[str]:
    x, n = ctx.ref(1), len(ctx.op.outputs)
    axis = norm_axis(int(ctx.array(0, "the axis").reshape(-1)[0]), ctx.type(x).rank)
    size = ctx.type(x).shape[axis]
    if not n or size % n:
        raise Unsupported(f"{size} elements do not split into {n} equal parts")
    return _parts(ctx, x, axis, [size // n] * n)


def _split_v(ctx: Any) -> list[str]:
    x = ctx.ref(0)
    axis = norm_axis(int(ctx.array(2, "the axis").reshape(-1)[0]), ctx.type(x).rank)
    sizes = [int(v) for v in ctx.array(1, "the sizes").reshape(-1)]
    rest = ctx.type(x).shape[axis] - sum(v for v in sizes if v >= 0)
    return _parts(ctx, x, axis, [rest if v < 0 else v for v in sizes])


def _pack(ctx: Any) -> str:
    axis, shape = norm_axis(ctx.options["axis"], ctx.out().rank), list(ctx.type(ctx.ref(0)).shape)
    shape.insert(axis, 1)
    refs = [ctx.reshape(ctx.ref(i), tuple(shape)) for i in range(ctx.count)]
    return str(ctx.emit("concat", refs, ConcatAttrs(axis)))


def _unpack(ctx: Any) -> list[str]:
    x = ctx.ref(0)
    axis = norm_axis(ctx.options["axis"], ctx.type(x).rank)
    parts = _parts(ctx, x, axis, [1] * len(ctx.op.outputs))
    shape = [n for d, n in enumerate(ctx.type(x).shape) if d != axis]
    return [ctx.reshape(r, tuple(shape)) for r in parts]


def _square(ctx: Any) -> str:
    return str(ctx.emit("mul", [ctx.ref(0), ctx.ref(0)]))


def _squared_difference(ctx: Any) -> str:
    if ctx.out().quant is not None:
        return str(ctx.emit("squared_difference", [ctx.ref(0), ctx.ref(1)]))
    d = ctx.emit("sub", [ctx.ref(0), ctx.ref(1)])
    return str(ctx.emit("mul", [d, d]))


def _zeros_like(ctx: Any) -> str:
    """Zeros as they are stored, whatever the zero point: so TensorFlow Lite Micro; LiteRT takes plain numbers."""
    t = ctx.out().with_(shape=ctx.type(ctx.ref(0)).shape)
    return str(ctx.const(ctx.made(t, -128 if ctx.was_unsigned(0) else 0), t, "zeros"))


def _basic_classifier(ctx: Any) -> list[str]:
    """Of some classes: has the score reached its threshold, and the score."""
    x, places = ctx.ref(0), ctx.array(1, "the classes")
    t = ctx.type(x)
    if {t.dtype, ctx.type(ctx.ref(1)).dtype, ctx.type(ctx.ref(2)).dtype} != {"i32"}:
        raise Unsupported(f"scores in {t.dtype}; scores, classes and thresholds in int32 are supported")
    if places.size and not 0 <= places.min() <= places.max() < t.size:
        raise BadFile(f"class {places.max()} of {t.size} scores")
    scores = ctx.emit("gather", [ctx.reshape(x, (t.size,)), ctx.ref(1)], GatherAttrs(0), like=t)
    return [ctx.emit("ge", [scores, ctx.ref(2)]), scores]


READERS: Mapping[str, Callable[..., Any]] = {
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "PACK": _pack,
    "UNPACK": _unpack,
    "SQUARE": _square,
    "SQUARED_DIFFERENCE": _squared_difference,
    "ZEROS_LIKE": _zeros_like,
    custom("BasicClassifier"): _basic_classifier,
}
