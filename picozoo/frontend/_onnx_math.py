"""ONNX nodes of arithmetic, activation and reduction that become several operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._onnx import axes_of, nothing, reduced, total
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.clamp import ClampAttrs
from picozoo.ops.elu import EluAttrs


def _mean(ctx: Any) -> str:
    refs = ctx.refs()
    x = refs[0]
    for r in refs[1:]:
        x = ctx.op("add", x, r)
    return str(ctx.op("mul", x, 1 / len(refs)))


def _selu(ctx: Any) -> str:
    alpha, gamma = ctx.attr("alpha", 1.67326319217681884765625), ctx.attr("gamma", 1.05070102214813232421875)
    return str(ctx.op("mul", ctx.emit("elu", [ctx.ref(0)], EluAttrs(float(alpha))), float(gamma)))


def _celu(ctx: Any) -> str:
    alpha = float(ctx.attr("alpha", 1.0))
    return str(ctx.op("mul", ctx.emit("elu", [ctx.op("div", ctx.ref(0), alpha)], EluAttrs(1.0)), alpha))


def _hard_sigmoid(ctx: Any) -> str:
    y = ctx.op("add", ctx.op("mul", ctx.ref(0), float(ctx.attr("alpha", 0.2))), float(ctx.attr("beta", 0.5)))
    return str(ctx.emit("clamp", [y], ClampAttrs(0.0, 1.0)))


def _thresholded_relu(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.op("where", ctx.op("gt", x, float(ctx.attr("alpha", 1.0))), x, ctx.like(0.0, x)))


def _shrink(ctx: Any) -> str:
    x, bias, edge = ctx.ref(0), ctx.attr("bias", 0.0), ctx.attr("lambd", 0.5)
    if not ctx.type(x).is_float:
        raise Unsupported("Shrink of integers")
    low = ctx.emit("where", [ctx.op("lt", x, -edge), ctx.op("add", x, bias), ctx.like(0.0, x)])
    return str(ctx.emit("where", [ctx.op("gt", x, edge), ctx.op("sub", x, bias), low]))


def _softsign(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.op("div", x, ctx.op("add", ctx.op("abs", x), 1.0)))


def _mish(ctx: Any) -> str:
    x = ctx.ref(0)
    return str(ctx.op("mul", x, ctx.op("tanh", ctx.op("softplus", x))))


def _hardmax(ctx: Any) -> str:
    x = ctx.ref(0)
    shape = ctx.shape(x)
    axis = norm_axis(ctx.attr("axis", -1 if ctx.opset >= 13 else 1), len(shape))
    if ctx.opset < 13:
        x, axis = ctx.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:]))), 1
    top = ctx.emit("argmax", [x], ReduceAttrs((axis,), True))
    n, rest = ctx.shape(x)[axis], ctx.type(x).rank - axis - 1
    hit = ctx.emit("eq", [top, ctx.const(np.arange(n).reshape((-1,) + (1,) * rest), "positions", "i64")])
    return str(ctx.reshape(ctx.cast(hit, ctx.type(x).dtype), shape))


# -- reductions ---------------------------------------------------------------------------------------------------


def _reduce(before: str = "", after: str = "", empty: float = 0.0) -> Callable[..., Any]:
    """A sum with unary operators ("square" included) before and after it."""

    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0))
        t = ctx.type(x)
        axes = axes_of(ctx, t.rank, 18) or []
        if t.size == 0 and axes:
            return nothing(ctx, x, axes, empty)
        if before:
            x = ctx.op("mul", x, x) if before == "square" else ctx.op(before, x)
        y = total(ctx, "sum", x, axes)
        return ctx.op(after, y) if after else y

    return read


def _lp_normalization(ctx: Any) -> str:
    """Divided by the norm along one axis; rows of zeros stay so."""
    x, p = ctx.ref(0), ctx.attr("p", 2)
    if p not in (1, 2):
        raise BadFile(f"a norm of order {p}")
    axis = norm_axis(ctx.attr("axis", -1), len(ctx.shape(x)))
    y = reduced(ctx, "sum", ctx.op("abs", x) if p == 1 else ctx.op("mul", x, x), [axis], True)
    norm = y if p == 1 else ctx.op("sqrt", y)
    safe = ctx.op("where", ctx.op("eq", norm, 0.0), ctx.like(1.0, norm), norm)
    return str(ctx.op("div", x, safe))


def _log_sum_exp(ctx: Any) -> Any:
    """log(sum(exp(x - max))) + max, so that nothing overflows."""
    x = ctx.ref(0)
    t = ctx.type(x)
    axes, keep = axes_of(ctx, t.rank, 18), bool(ctx.attr("keepdims", 1))
    if t.size == 0:
        shape = [1 if d in (axes or []) else n for d, n in enumerate(t.shape) if keep or d not in (axes or [])]
        return str(ctx.filled(shape, -math.inf, ctx.kind(0)))
    if not axes:
        return x
    top = reduced(ctx, "amax", x, axes, True)
    y = ctx.op("log", reduced(ctx, "sum", ctx.op("exp", ctx.op("sub", x, top)), axes, True))
    y = ctx.op("add", y, top)
    return y if keep else ctx.reshape(y, [n for d, n in enumerate(t.shape) if d not in axes])


# -- products -----------------------------------------------------------------------------------------------------
def _einsum(ctx: Any) -> str:
    """From the left: each pair is multiplied over the letters both have, and what nobody needs later is summed."""
    refs = ctx.refs()
    text = ctx.attr("equation", "").replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(refs) or any(not set(t.replace("...", "")) <= set(_LETTERS) for t in (*terms, right)):
        raise BadFile(f"equation {text[:60]!r} for {len(refs)} inputs")
    dots = max((len(ctx.shape(r)) - len(t.replace("...", "")) for r, t in zip(refs, terms, strict=True)), default=0)
    extra = "".join(chr(0x100 + k) for k in range(max(dots, 0)))
    full = []
    for r, t in zip(refs, terms, strict=True):
        here = len(ctx.shape(r)) - len(t.replace("...", ""))
        full.append(t.replace("...", extra[len(extra) - here :] if here > 0 else ""))
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        right = "..." * ("..." in left) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    want = right.replace("...", extra)
    values = [_diagonal(ctx, r, t) for r, t in zip(refs, full, strict=True)]
    x, have = values[0]
    for k, (y, other) in enumerate(values[1:]):
        later = set(want).union(*(t for _, t in values[k + 2 :]))
        x, have = _pair(ctx, x, have, y, other, later)
    gone = [d for d, c in enumerate(have) if c not in want]
    x = reduced(ctx, "sum", x, gone, False) if gone else x
    have = "".join(c for c in have if c in want)
    return str(ctx.transpose(x, [have.index(c) for c in want]))


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _diagonal(ctx: Any, x: str, letters: str) -> tuple[str, str]:
    """A letter given twice picks the diagonal of its two dimensions."""
    while len(set(letters)) != len(letters):
        c = next(c for c in letters if letters.count(c) > 1)
        i, j = letters.index(c), letters.index(c, letters.index(c) + 1)
        rest = [d for d in range(len(letters)) if d not in (i, j)]
        shape = ctx.shape(x)
        n = shape[i]
        flat = ctx.reshape(ctx.transpose(x, (*rest, i, j)), (*[shape[d] for d in rest], n * n))
        x = ctx.pick(flat, len(rest), np.arange(n) * (n + 1))
        letters = "".join(letters[d] for d in rest) + c
    return x, letters


def _pair(ctx: Any, x: str, a: str, y: str, b: str, later: set[str]) -> tuple[str, str]:
    """Two operands become one product of matrices over what both have and nobody needs later."""
    size = dict(zip(a, ctx.shape(x), strict=True))
    for c, n in zip(b, ctx.shape(y), strict=True):
        size[c] = max(size.get(c, 1), n)
    batch = [c for c in a if c in b and c in later]
    inner = [c for c in a if c in b and c not in later]
    rows, cols = [c for c in a if c not in b], [c for c in b if c not in a]

    def ordered(v: str, has: str, groups: list[list[str]]) -> str:
        order = [c for g in groups for c in g]
        v = ctx.expand(ctx.transpose(v, [has.index(c) for c in order]), [size[c] for c in order])
        return str(ctx.reshape(v, [math.prod(size[c] for c in g) for g in groups]))

    left, right = ordered(x, a, [batch, rows, inner]), ordered(y, b, [batch, inner, cols])
    made = [*batch, *rows, *cols]
    return ctx.reshape(ctx.emit("matmul", [left, right]), [size[c] for c in made]), "".join(made)


READERS: Mapping[str, Callable[..., Any]] = {
    "Mean": _mean,
    "Selu": _selu,
    "Celu": _celu,
    "HardSigmoid": _hard_sigmoid,
    "ThresholdedRelu": _thresholded_relu,
    "Shrink": _shrink,
    "Softsign": _softsign,
    "Mish": _mish,
    "Hardmax": _hardmax,
    "ReduceL1": _reduce(before="abs"),
    "ReduceL2": _reduce(before="square", after="sqrt"),
    "ReduceSumSquare": _reduce(before="square"),
    "ReduceLogSum": _reduce(after="log", empty=-math.inf),
    "ReduceLogSumExp": _log_sum_exp,
    "LpNormalization": _lp_normalization,
    "Einsum": _einsum,
}
