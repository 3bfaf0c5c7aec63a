"""TFLite files whose inputs are read with other shapes than they were written with.

Such a file gives each tensor a shape, 1 where it is open, and a signature that says -1 there. With another shape of an
input the declared shapes hold no longer: shapes follow from the operators, and where an operator asks for its output's
(RESHAPE, reductions), from the signature and the number of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from picozoo import ops
from picozoo.errors import Unsupported
from picozoo.frontend._dims import Dim
from picozoo.frontend._tflite_schema import Tensor
from picozoo.specs import TensorType

_FOLD = 1 << 12  # most values of a result that is computed while the file is read


def dims(t: Tensor) -> tuple[Dim, ...]:
    """Dimensions of an input, None where the file leaves them open."""
    if len(t.signature) != len(t.shape):
        return t.shape
    return tuple(None if s < 0 else d for d, s in zip(t.shape, t.signature, strict=True))


def fit(t: Tensor, have: Sequence[int]) -> tuple[int, ...]:
    """The shape of a tensor that holds the values of shape `have`.

    Raises:
        Unsupported: the file leaves more open than follows from it.

    Example:
        >>> t = Tensor("t", (1, 16), 0, None, (), (), 0, False, False, (-1, 16))
        >>> fit(t, (1, 8, 16))
        (8, 16)
    """
    want = t.signature if len(t.signature) == len(t.shape) else t.shape
    if len(want) == len(have) and all(w in (-1, h) for w, h in zip(want, have, strict=True)):
        return tuple(have)
    known, size = prod(w for w in want if w >= 0), prod(have)
    if want.count(-1) == 1 and known and size % known == 0:
        return tuple(size // known if w < 0 else w for w in want)
    if -1 not in want and known == size:
        return want
    if (fewer := _without_ones(list(have), want)) is not None:
        return tuple(fewer)
    told = [None if w < 0 else w for w in want]
    raise Unsupported(f"output {t.name!r} is {told} in the file, which does not say how {list(have)} becomes that")


def _without_ones(have: list[int], want: Sequence[int]) -> list[int] | None:
    """`have` without as many dimensions of one as it takes to be `want`, which has -1 where anything will do."""
    while len(have) > len(want):
        kept = [k for k, n in enumerate(have) if n == 1]
        if not kept:
            return None
        have = next(
            (h for k in kept if _begins(h := have[:k] + have[k + 1 :], want)), have[: kept[0]] + have[kept[0] + 1 :]
        )
    return have if len(have) == len(want) and _begins(have, want) else None


def _begins(have: Sequence[int], want: Sequence[int]) -> bool:
    return all(w in (-1, h) for w, h in zip(want, have, strict=False))


def reshaped(ctx: Any, x: str) -> tuple[int, ...]:
    """The shape that RESHAPE, SQUEEZE or EXPAND_DIMS gives."""
    have: tuple[int, ...] = ctx.type(x).shape
    if ctx.op.kind == "RESHAPE":
        numbers = ctx.array(1).reshape(-1).tolist() if ctx.is_constant(1) else list(ctx.options.get("shape", ()))
        rest = prod(n for n in numbers if n != -1)
        if numbers.count(-1) == 1 and rest and prod(have) % rest == 0:
            numbers[numbers.index(-1)] = prod(have) // rest
        if numbers and prod(numbers) == prod(have) and min(numbers) >= 0:
            return tuple(int(n) for n in numbers)
    if ctx.op.kind == "EXPAND_DIMS":
        axis = int(ctx.array(1, "the axis").reshape(-1)[0]) % (len(have) + 1)
        return (*have[:axis], 1, *have[axis:])
    if ctx.op.kind == "SQUEEZE" and ctx.options["dims"]:
        gone = {d % max(len(have), 1) for d in ctx.options["dims"]}
        return tuple(n for d, n in enumerate(have) if d not in gone)
    return fit(ctx.model.tensors[ctx.op.outputs[0]], have)


def fold(ctx: Any, op: str, refs: list[str], outs: list[TensorType], attrs: Any) -> list[str] | None:
    """Results of an operator on constant integers, such as parts of a shape; None if it is no such operator."""
    ins = [ctx.type(r) for r in refs]
    small = sum(t.size for t in (*ins, *outs)) <= _FOLD
    if not small or any(t.quant is not None or t.is_float for t in (*ins, *outs)) or any(r[0] != "@" for r in refs):
        return None
    arrays = ops.get(op).reference([ctx.constant(r) for r in refs], ins, outs, attrs)
    made = [np.asarray(a).astype(t.numpy).reshape(t.shape) for a, t in zip(arrays, outs, strict=True)]
    return [ctx.const(a, t, "c") for a, t in zip(made, outs, strict=True)]
