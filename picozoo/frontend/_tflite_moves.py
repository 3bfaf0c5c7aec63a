"""TFLite operators that only move elements, or say something about shapes: made of ours, mostly `gather`s and reshapes.

`ctx` is `_tflite_call.Call`. What only depends on shapes becomes a constant here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._tflite_call import MAX_MADE
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.cast import CastAttrs
from picozoo.ops.concat import ConcatAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.pad import PadAttrs
from picozoo.ops.slice import SliceAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.specs import TensorType

_MOST = 1 << 16  # repeats, and pixels along one side


def pick(ctx: Any, x: str, axis: int, index: np.ndarray | list[int]) -> str:
    """x with the places `index` along one dimension; by a slice where they lie in steps."""
    t, at = ctx.type(x), np.asarray(index, np.int64).reshape(-1)
    n = t.shape[axis]
    if len(at) == n and np.array_equal(at, np.arange(n)):
        return x
    if len(at) and (at.min() < 0 or at.max() >= n):
        raise BadFile(f"place {int(at.max())} of a dimension of {n}")
    step = int(at[1] - at[0]) if len(at) > 1 else 1
    if len(at) and step > 0 and np.array_equal(at, at[0] + step * np.arange(len(at))):
        start, size, steps = [0] * t.rank, list(t.shape), [1] * t.rank
        start[axis], size[axis], steps[axis] = int(at[0]), len(at), step
        return str(ctx.emit("slice", [x], SliceAttrs(tuple(start), tuple(size), tuple(steps)), like=t))
    where = ctx.const(at.astype(np.int32), TensorType((len(at),), "i32"), "places")
    return str(ctx.emit("gather", [x, where], GatherAttrs(axis), like=t))


def _numbers(ctx: Any, i: int, what: str) -> list[int]:
    return [int(v) for v in ctx.array(i, what).reshape(-1)]


def _turn(ctx: Any, x: str, perm: tuple[int, ...]) -> str:
    return str(ctx.emit("transpose", [x], TransposeAttrs(perm), like=ctx.type(x)))


def strided_slice(ctx: Any) -> str:
    """Begin, end and step of each dimension; masks say "from the first", "all in between", "a new one", "take one"."""
    x, o = ctx.ref(0), ctx.options
    shape = ctx.type(x).shape
    begin, end, step = (_numbers(ctx, k, "begin, end and steps") for k in (1, 2, 3))
    if not len(begin) == len(end) == len(step) or 0 in step:
        raise BadFile(f"begin {begin}, end {end}, steps {step}")
    if o["offset"]:
        end = [a + b for a, b in zip(begin, end, strict=True)]
    new = [d for d in range(len(begin)) if o["new_axis_mask"] >> d & 1 and not o["ellipsis_mask"] >> d & 1]
    dots = [d for d in range(len(begin)) if o["ellipsis_mask"] >> d & 1]
    if len(dots) > 1:
        raise BadFile("more than one ellipsis")
    kept, axis, wanted = x, 0, []
    for d in range(len(begin)):
        if d in new:
            wanted.append(1)
            continue
        if d in dots:
            n = len(shape) - (len(begin) - len(new) - 1)
            wanted += shape[axis : axis + n]
            axis += n
            continue
        if axis >= len(shape):
            raise BadFile(f"it slices {len(begin)} dimensions of {len(shape)}")
        kept = pick(ctx, kept, axis, _places(o, d, begin[d], end[d], step[d], shape[axis]))
        wanted += [] if o["shrink_axis_mask"] >> d & 1 else [ctx.type(kept).shape[axis]]
        axis += 1
    return str(ctx.reshape(kept, (*wanted, *shape[axis:])))


def _places(o: dict[str, Any], d: int, begin: int, end: int, step: int, n: int) -> np.ndarray:
    """What one dimension of n keeps."""
    if o["shrink_axis_mask"] >> d & 1:
        begin += n if begin < 0 else 0
        if not 0 <= begin < n:
            raise BadFile(f"place {begin} of a dimension of {n}")
        return np.array([begin])
    first = None if o["begin_mask"] >> d & 1 else begin
    last = None if o["end_mask"] >> d & 1 else end
    return np.arange(*slice(first, last, step).indices(n))


def _tile(ctx: Any) -> str:
    x = ctx.ref(0)
    for axis, n in enumerate(_numbers(ctx, 1, "the repeats")):
        if not 1 <= n <= _MOST:
            raise Unsupported(f"{n} repeats")
        if n > 1:
            x = ctx.emit("concat", [x] * n, ConcatAttrs(axis), like=ctx.type(x))
    return str(x)


def _reverse(ctx: Any) -> str:
    x = ctx.ref(0)
    for a in _numbers(ctx, 1, "the axes"):
        axis = norm_axis(a, ctx.type(x).rank)
        x = pick(ctx, x, axis, np.arange(ctx.type(x).shape[axis])[::-1])
    return str(x)


def _gather(ctx: Any) -> str:
    x, index, axis, batch = ctx.ref(0), ctx.ref(1), ctx.options["axis"], ctx.options["batch_dims"]
    if not batch:
        return str(ctx.emit("gather", [x, index], GatherAttrs(norm_axis(axis, ctx.type(x).rank))))
    batch = batch if batch >= 0 else batch + ctx.type(index).rank
    return _gather_batches(ctx, x, index, norm_axis(axis, ctx.type(x).rank), batch)


def _gather_batches(ctx: Any, x: str, index: str, axis: int, batch: int) -> str:
    """Every batch from its own: all of them lie one behind the other, and places count from the first."""
    shape, places = ctx.type(x).shape, ctx.type(index).shape
    if not 0 < batch <= axis or shape[:batch] != places[:batch] or ctx.type(index).dtype not in ("i32", "i64"):
        raise Unsupported(f"batch_dims {batch} with places {list(places)} along dimension {axis} of {list(shape)}")
    perm = (*range(batch), axis, *(d for d in range(batch, len(shape)) if d != axis))
    x = str(ctx.emit("transpose", [x], ctx.attrs_of("transpose")(perm), like=ctx.type(x))) if axis != batch else x
    shape, n = ctx.type(x).shape, prod(places[:batch])
    t = ctx.type(index).with_(shape=(n, 1))
    first = ctx.const(shape[batch] * np.arange(n, dtype=t.numpy).reshape(n, 1), t, "first")
    at = ctx.emit("add", [ctx.reshape(index, (n, prod(places[batch:]))), first], like=t)
    x = ctx.reshape(x, (n * shape[batch], *shape[batch + 1 :]))
    y = ctx.reshape(ctx.emit("gather", [x, at], GatherAttrs(0), like=ctx.type(x)), (*places, *shape[batch + 1 :]))
    if axis == batch:
        return str(y)
    outer, inner = axis - batch, len(places) - batch
    rest = range(batch + inner, batch + inner + len(shape) - batch - 1)
    back = (*range(batch), *rest[:outer], *range(batch, batch + inner), *rest[outer:])
    return str(ctx.emit("transpose", [y], ctx.attrs_of("transpose")(back), like=ctx.type(y)))


def _gather_nd(ctx: Any) -> str:
    """The index along all leading dimensions as one number, then rows of a matrix."""
    x, index = ctx.ref(0), ctx.ref(1)
    shape, places = ctx.type(x).shape, ctx.type(index).shape
    depth = places[-1] if places else 0
    if not 0 < depth <= len(shape):
        raise Unsupported(f"places of {depth} numbers in {len(shape)} dimensions")
    factors = np.array([prod(shape[d + 1 : depth]) for d in range(depth)], np.int64)
    if ctx.is_constant(1):
        flat = (ctx.array(1).astype(np.int64) * factors).sum(-1)
        at = ctx.const(flat.astype(np.int32), TensorType(flat.shape, "i32"), "places")
    else:
        t = TensorType((depth,), ctx.type(index).dtype)
        scaled = ctx.emit("mul", [index, ctx.const(factors.astype(t.numpy), t, "steps")], like=t)
        attrs = ctx.attrs_of("sum")((len(places) - 1,), False, t.dtype)
        at = ctx.emit("sum", [scaled], attrs, like=t)
    rows = ctx.reshape(x, (prod(shape[:depth]), *shape[depth:]))
    return str(ctx.emit("gather", [rows, at], GatherAttrs(0)))


def _embedding(ctx: Any) -> str:
    return str(ctx.emit("gather", [ctx.ref(1), ctx.ref(0)], GatherAttrs(0)))


def _space_to_depth(ctx: Any) -> str:
    x, b = ctx.ref(0), ctx.options["block"]
    n, h, w, c = _image(ctx, x)
    if b < 1 or h % b or w % b:
        raise BadFile(f"blocks of {b} in {h} x {w}")
    x = ctx.reshape(x, (n, h // b, b, w // b, b * c))
    return str(ctx.reshape(_turn(ctx, x, (0, 1, 3, 2, 4)), (n, h // b, w // b, b * b * c)))


def _depth_to_space(ctx: Any) -> str:
    x, b = ctx.ref(0), ctx.options["block"]
    n, h, w, c = _image(ctx, x)
    if b < 1 or c % (b * b):
        raise BadFile(f"blocks of {b} from {c} channels")
    x = ctx.reshape(x, (n, h, w, b, c // b))
    return str(ctx.reshape(_turn(ctx, x, (0, 1, 3, 2, 4)), (n, h * b, w * b, c // (b * b))))


def _image(ctx: Any, x: str) -> tuple[int, ...]:
    shape: tuple[int, ...] = ctx.type(x).shape
    if len(shape) != 4:
        raise Unsupported(f"input {list(shape)} is not [N, H, W, C]")
    return shape


def _pairs(ctx: Any, i: int, what: str) -> list[tuple[int, int]]:
    flat = _numbers(ctx, i, what)
    return list(zip(flat[::2], flat[1::2], strict=True))


def _space_to_batch(ctx: Any) -> str:
    """Pad, then cut each dimension into (block, step); the steps become batches."""
    x, blocks, pads = ctx.ref(0), _numbers(ctx, 1, "the blocks"), _pairs(ctx, 2, "the padding")
    rank = ctx.type(x).rank
    rest = [(0, 0)] * (rank - 1 - len(blocks))
    if len(pads) != len(blocks) or len(blocks) >= rank or min(blocks, default=1) < 1:
        raise BadFile(f"blocks {blocks} and padding {pads} of {rank} dimensions")
    before, after = zip((0, 0), *pads, *rest, strict=True)
    if any(before) or any(after):
        x = ctx.emit("pad", [x], PadAttrs(before, after), like=ctx.type(x))
    for axis, b in enumerate(blocks, 1):  # one dimension at a time: few loops each
        shape = ctx.type(x).shape
        if shape[axis] % b:
            raise BadFile(f"blocks of {b} in {shape[axis]}")
    for axis, b in reversed(list(enumerate(blocks, 1))):
        n, *_ = shape = ctx.type(x).shape
        x = ctx.reshape(x, (n, prod(shape[1:axis]), shape[axis] // b, b, prod(shape[axis + 1 :])))
        x = _turn(ctx, x, (3, 0, 1, 2, 4))
        x = ctx.reshape(x, (b * n, *shape[1:axis], shape[axis] // b, *shape[axis + 1 :]))
    return str(x)


def _batch_to_space(ctx: Any) -> str:
    x, blocks, crops = ctx.ref(0), _numbers(ctx, 1, "the blocks"), _pairs(ctx, 2, "the crops")
    if len(crops) != len(blocks) or len(blocks) >= ctx.type(x).rank or min(blocks, default=1) < 1:
        raise BadFile(f"blocks {blocks} and crops {crops}")
    for axis, b in enumerate(blocks, 1):
        n, *_ = shape = ctx.type(x).shape
        if n % b:
            raise BadFile(f"{n} batches in blocks of {b}")
        x = ctx.reshape(x, (b, n // b, prod(shape[1:axis]), shape[axis], prod(shape[axis + 1 :])))
        x = _turn(ctx, x, (1, 2, 3, 0, 4))
        x = ctx.reshape(x, (n // b, *shape[1:axis], shape[axis] * b, *shape[axis + 1 :]))
    for axis, (a, z) in enumerate(crops, 1):
        x = pick(ctx, x, axis, np.arange(a, ctx.type(x).shape[axis] - z))
    return str(x)


def _mirror_pad(ctx: Any) -> str:
    x, mode = ctx.ref(0), "symmetric" if ctx.options["mode"] == 1 else "reflect"
    for axis, (a, z) in enumerate(_pairs(ctx, 1, "padding sizes")):
        n = ctx.type(x).shape[axis]
        if min(a, z) < 0 or max(a, z) > n - int(mode == "reflect"):
            raise BadFile(f"mirror padding of {a} and {z} round {n}")
        x = pick(ctx, x, axis, np.pad(np.arange(n), (a, z), mode=mode))  # type: ignore[call-overload]
    return str(x)


def resize_places(n: int, out: int, corners: bool, centres: bool) -> np.ndarray:
    """For each of `out` places along a dimension of n the nearest one, in LiteRT's float32 arithmetic."""
    scale = np.float32((n - 1) / (out - 1)) if corners and out > 1 else np.float32(n) / np.float32(out)
    at = (np.arange(out, dtype=np.float32) + np.float32(0.5 if centres else 0)) * scale
    at = np.floor(at + np.float32(0.5)) if corners else np.floor(at)
    found: np.ndarray = np.clip(at.astype(np.int64), 0, n - 1)
    return found


def _resize_nearest(ctx: Any) -> str:
    x, (h, w) = ctx.ref(0), _numbers(ctx, 1, "the size")
    _, ih, iw, _ = _image(ctx, x)
    corners, centres = ctx.options["corners"], ctx.options["centres"]
    if min(h, w, ih, iw) < 1 or max(h, w) > _MOST:
        raise BadFile(f"from {ih} x {iw} to {h} x {w}")
    x = pick(ctx, x, 1, resize_places(ih, h, corners, centres))
    return pick(ctx, x, 2, resize_places(iw, w, corners, centres))


def _shape(ctx: Any) -> str:
    return str(ctx.const(np.array(ctx.type(ctx.ref(0)).shape, ctx.out().numpy), ctx.out(), "shape"))


def _rank(ctx: Any) -> str:
    return str(ctx.const(np.array(ctx.type(ctx.ref(0)).rank, np.int32), ctx.out(), "rank"))


def _fill(ctx: Any) -> str:
    t = ctx.out().with_(shape=ctx.shape_said(0))
    if ctx.is_constant(1):
        return str(ctx.const(ctx.made(t, ctx.array(1).reshape(-1)[0]), t, "filled"))
    value = ctx.reshape(ctx.ref(1), ())
    return str(ctx.emit("expand", [value], ctx.attrs_of("expand")(t.shape)))


def _range(ctx: Any) -> str:
    a, b, step = (ctx.array(i, "start, end and step").reshape(-1)[0] for i in range(3))
    most = MAX_MADE if ctx.shared.resized else ctx.out().size + 1
    if ctx.out().rank != 1 or not step or abs((float(b) - float(a)) / float(step)) > most:
        raise BadFile(f"numbers from {a} to {b} in steps of {step} as {list(ctx.out().shape)}")
    made = np.arange(a, b, step, dtype=ctx.out().numpy)
    return str(ctx.const(made, ctx.out().with_(shape=made.shape), "range"))


def _broadcast_args(ctx: Any) -> str:
    a, b = (tuple(_numbers(ctx, i, "the shapes")) for i in range(2))
    return str(ctx.const(np.array(np.broadcast_shapes(a, b), ctx.out().numpy), ctx.out(), "shape"))


def _one_hot(ctx: Any) -> str:
    """Where the index equals each place: one value, else the other."""
    index, out = ctx.ref(0), ctx.out()
    axis = norm_axis(ctx.options["axis"], out.rank)
    t, shape = ctx.type(index), [1] * out.rank
    shape[axis] = out.shape[axis]
    places = np.arange(shape[axis]).astype(t.numpy).reshape(shape)
    x = ctx.reshape(index, (*t.shape[:axis], 1, *t.shape[axis:]))
    refs = [x, ctx.const(places, TensorType(tuple(shape), t.dtype), "places")]
    hit = ctx.emit("eq", refs, like=TensorType((), "bool"))
    return str(ctx.emit("where", [hit, ctx.reshape(ctx.ref(2), ()), ctx.reshape(ctx.ref(3), ())]))


def _update_slice(ctx: Any) -> str:
    """The tensor where it stays, what surrounds the update being cut out and joined again."""
    x, part, start = ctx.ref(0), ctx.ref(1), _numbers(ctx, 2, "the place")
    t, size = ctx.type(x), ctx.type(part).shape
    start = [min(max(a, 0), n - s) for a, n, s in zip(start, t.shape, size, strict=True)]

    def join(whole: str, middle: str, axis: int) -> str:
        a, n = start[axis], t.shape[axis]
        s = size[axis]
        if axis + 1 < t.rank:
            inner = pick(ctx, whole, axis, np.arange(a, a + s))
            middle = join(inner, middle, axis + 1)
        pieces = [pick(ctx, whole, axis, np.arange(a)) if a else "", middle]
        pieces.append(pick(ctx, whole, axis, np.arange(a + s, n)) if a + s < n else "")
        found = [p for p in pieces if p]
        return found[0] if len(found) == 1 else str(ctx.emit("concat", found, ConcatAttrs(axis), like=t))

    return join(x, part, 0) if t.rank else part


def _select(ctx: Any) -> str:
    """As SELECT_V2; a condition of one dimension chooses whole rows."""
    c, a, b = ctx.ref(0), ctx.ref(1), ctx.ref(2)
    if ctx.op.kind == "SELECT" and ctx.type(c).rank == 1 and ctx.type(a).rank > 1:
        c = ctx.reshape(c, (*ctx.type(c).shape, *[1] * (ctx.type(a).rank - 1)))
    return str(ctx.emit("where", [c, a, b]))


def _arg_min(ctx: Any) -> str:
    """The place of the largest of the negated; integers are turned round bit by bit, so that none overflows."""
    x, axis = ctx.ref(0), _numbers(ctx, 1, "the axis")[0]
    t = ctx.type(x)
    if t.dtype in ("i8", "i16"):
        wide = TensorType(t.shape, "i32")
        plain = ctx.emit("cast", [x], CastAttrs("i32"), like=wide)
        x = ctx.emit("neg", [plain], like=wide)
    elif t.is_float:
        x = ctx.emit("neg", [x], like=t)
    else:
        one = ctx.const(np.array(-1, t.numpy), TensorType((), t.dtype), "minus_one")
        x = ctx.emit("sub", [one, x], like=TensorType(t.shape, t.dtype))
    attrs = ReduceAttrs((norm_axis(axis, t.rank),), False)
    y = ctx.emit("argmax", [x], attrs, like=TensorType((), "i64"))
    return str(y if ctx.out().dtype == "i64" else ctx.emit("cast", [y], CastAttrs(ctx.out().dtype)))


READERS: Mapping[str, Callable[..., Any]] = {
    "STRIDED_SLICE": strided_slice,
    "TILE": _tile,
    "REVERSE_V2": _reverse,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "EMBEDDING_LOOKUP": _embedding,
    "SPACE_TO_DEPTH": _space_to_depth,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "MIRROR_PAD": _mirror_pad,
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest,
    "SHAPE": _shape,
    "RANK": _rank,
    "FILL": _fill,
    "RANGE": _range,
    "BROADCAST_ARGS": _broadcast_args,
    "ONE_HOT": _one_hot,
    "DYNAMIC_UPDATE_SLICE": _update_slice,
    "SELECT": _select,
    "SELECT_V2": _select,
    "ARG_MIN": _arg_min,
}
