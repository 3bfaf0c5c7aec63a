"""Sequences and optional values inside a graph: lists of tensors that are known while the file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_builder import Sequence
from picozoo.ops._op import norm_axis
from picozoo.ops.concat import ConcatAttrs

MOST = 4096  # elements


def _construct(ctx: Any) -> Sequence:
    return Sequence(ctx.refs())


def _empty(ctx: Any) -> Sequence:
    return Sequence()


def _place(ctx: Any, i: int, size: int) -> int:
    """Input `i` as a place in a sequence; negative ones count from the end."""
    at = ctx.ints(i, "the place in a sequence")[0]
    if not -size <= at < size:
        raise BadFile(f"place {at} of a sequence of {size}")
    return int(at % size)


def _at(ctx: Any) -> str:
    found = ctx.sequence(0)
    return str(found[_place(ctx, 1, len(found))])


def _insert(ctx: Any) -> Sequence:
    found = list(ctx.sequence(0))
    if len(found) >= MOST:
        raise BadFile(f"a sequence of more than {MOST} tensors")
    found.insert(_place(ctx, 2, len(found) + 1) if ctx.has(2) else len(found), ctx.ref(1))
    return Sequence(found)


def _erase(ctx: Any) -> Sequence:
    found = list(ctx.sequence(0))
    del found[_place(ctx, 1, len(found)) if ctx.has(1) else len(found) - 1]
    return Sequence(found)


def _length(ctx: Any) -> str:
    return str(ctx.const(np.array(len(ctx.sequence(0))), "length", "i64"))


def _joined(ctx: Any) -> str:
    """One tensor of all, along a dimension or along a new one."""
    refs, new = list(ctx.sequence(0)), bool(ctx.attr("new_axis", 0))
    if not refs:
        raise Unsupported("a sequence without tensors joined")
    shape = ctx.shape(refs[0])
    axis = norm_axis(ctx.attr("axis", 0), len(shape) + new)
    if new:
        refs = [ctx.reshape(r, (*shape[:axis], 1, *shape[axis:])) for r in refs]
    return refs[0] if len(refs) == 1 else str(ctx.emit("concat", refs, ConcatAttrs(axis)))


def _split(ctx: Any) -> Sequence:
    """Parts of given sizes, of one size, or single rows without their dimension."""
    x = ctx.ref(0)
    shape, keep = ctx.shape(x), bool(ctx.attr("keepdims", 1)) or ctx.has(1)
    axis = norm_axis(ctx.attr("axis", 0), len(shape))
    total, sizes = shape[axis], ctx.array(1, "the sizes of the parts") if ctx.has(1) else np.array(1)
    if sizes.ndim == 0:
        step = int(sizes)
        if step < 1 or total // step > MOST:
            raise BadFile(f"parts of {step} of {total}")
        sizes = np.array([min(step, total - k) for k in range(0, total, step)])
    if sizes.sum() != total or sizes.min(initial=0) < 0:
        raise BadFile(f"parts of sizes {sizes[:8].tolist()} of {total}")
    starts = np.cumsum(sizes) - sizes
    parts = [ctx.part(x, axis, int(a), int(n)) for a, n in zip(starts, sizes, strict=True)]
    return Sequence(parts if keep else [ctx.reshape(p, (*shape[:axis], *shape[axis + 1 :])) for p in parts])


def _has(ctx: Any) -> str:
    return str(ctx.const(np.array(ctx.has(0)), "there", "bool"))


def _get(ctx: Any) -> Any:
    return ctx.named(ctx.node.input[0])


READERS: Mapping[str, Callable[..., Any]] = {
    "SequenceConstruct": _construct,
    "SequenceEmpty": _empty,
    "SequenceAt": _at,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceLength": _length,
    "ConcatFromSequence": _joined,
    "SplitToSequence": _split,
    "OptionalHasElement": _has,
    "OptionalGetElement": _get,
}
