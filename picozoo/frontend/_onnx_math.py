"""ONNX nodes of arithmetic, activation and reduction that become several operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_file import KINDS, RANGES, dtype_of_kind
from picozoo.frontend._onnx_shapes import filled, pick
from picozoo.ops._onnx import axes_of, reduced
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.clamp import BIG, ClampAttrs
from picozoo.ops.elu import EluAttrs
from picozoo.ops.gather import GatherAttrs
from picozoo.ops.gelu import GeluAttrs
from picozoo.ops.leaky_relu import LeakyReluAttrs
from picozoo.ops.narrow_float import NarrowFloatAttrs
from picozoo.ops.softmax import SoftmaxAttrs
from picozoo.ops.sum import SumAttrs

_FLOATS = {k: KINDS[k][0] for k in (10, 16, 17, 18, 19, 20)}  # rounded to, and held in float32


def to_kind(ctx: Any, x: str, kind: int, saturate: bool = True) -> str:
    """A value in another element type of ONNX, as Cast has it."""
    dtype = dtype_of_kind(kind, "the output")
    ctx.out_kind, x = kind, ctx.plain(x)
    if kind in _FLOATS:
        y = ctx.cast(x, "f32")
        if ctx.kind_of(x) == kind:
            return str(y)
        return str(ctx.emit("narrow_float", [y], NarrowFloatAttrs(_FLOATS[kind], saturate)))
    if kind not in RANGES:
        return str(ctx.cast(x, dtype))
    low, high = RANGES[kind]
    if ctx.type(x).is_float:  # floats are cut to the range, integers wrap around
        x = ctx.emit("clamp", [x], ClampAttrs(float(low), float(high)))
        return str(ctx.cast(ctx.cast(x, "i32" if high < 1 << 31 else "i64"), dtype))
    wide = ctx.cast(x, "i64" if dtype == "i64" or ctx.type(x).dtype == "i64" else "i32")
    return str(ctx.cast(ctx.wrapped(wide, kind) if kind in RANGES else wide, dtype))


def _cast(ctx: Any) -> str:
    return to_kind(ctx, ctx.ref(0), ctx.attr("to", 1), bool(ctx.attr("saturate", 1)))


def _cast_like(ctx: Any) -> str:
    return to_kind(ctx, ctx.ref(0), ctx.kind(1), bool(ctx.attr("saturate", 1)))


def _pow(ctx: Any) -> str:
    """The result has the base's type; an integer base with a float exponent goes through floats."""
    a, b = ctx.ref(0), ctx.ref(1)
    ta, tb = ctx.type(a), ctx.type(b)
    if ta.is_float:
        return str(ctx.op("pow", a, ctx.cast(b, "f32")))
    if tb.is_float:
        return str(ctx.cast(ctx.op("pow", ctx.cast(a, "f32"), b), ta.dtype))
    wide = "i64" if "i64" in (ta.dtype, tb.dtype) else "i32"
    return str(ctx.cast(ctx.op("pow", ctx.cast(a, wide), ctx.cast(b, wide)), ta.dtype))


def _mod(ctx: Any) -> str:
    a, b = ctx.ref(0), ctx.ref(1)
    fmod = bool(ctx.attr("fmod", 0))
    if ctx.type(a).is_float and not fmod:
        raise BadFile("Mod of floats needs fmod=1")
    return str(ctx.op("fmod" if fmod else "mod", a, b))


def _bit_shift(ctx: Any) -> str:
    left = ctx.attr("direction", "LEFT").upper() == "LEFT"
    return str(ctx.op("shift_left" if left else "shift_right", ctx.ref(0), ctx.ref(1)))


def _is_inf(ctx: Any) -> str:
    x, up, down = ctx.ref(0), ctx.attr("detect_positive", 1), ctx.attr("detect_negative", 1)
    y = ctx.emit("is_inf", [x])
    if not up:
        y = ctx.op("logical_and", y, ctx.op("lt", x, 0.0))
    return str(y if down else ctx.op("logical_and", y, ctx.op("gt", x, 0.0)))


def _clip(ctx: Any) -> str:
    x = ctx.plain(ctx.ref(0))
    t = ctx.type(x)
    if ctx.opset < 11:
        return str(ctx.emit("clamp", [x], ClampAttrs(ctx.attr("min", -BIG), ctx.attr("max", BIG))))
    low, high = (ctx.constant(i) for i in (1, 2))
    known = all(c is not None or not ctx.has(i) for i, c in ((1, low), (2, high)))
    if known and t.is_float:
        bounds = [d if c is None else float(c.reshape(-1)[0]) for c, d in ((low, -BIG), (high, BIG))]
        if bounds[0] <= bounds[1]:
            return str(ctx.emit("clamp", [x], ClampAttrs(max(bounds[0], -BIG), min(bounds[1], BIG))))
    if ctx.has(1):
        x = ctx.op("maximum", x, ctx.reshape(ctx.ref(1), ()))
    return str(ctx.op("minimum", x, ctx.reshape(ctx.ref(2), ())) if ctx.has(2) else x)


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


def _swish(ctx: Any) -> str:
    x, alpha = ctx.ref(0), float(ctx.attr("alpha", 1.0))
    return str(ctx.op("silu", x) if alpha == 1 else ctx.op("mul", x, ctx.op("sigmoid", ctx.op("mul", x, alpha))))


def _prelu(ctx: Any) -> str:
    x, slope = ctx.ref(0), ctx.ref(1)
    known = ctx.program.constant(slope)
    if known is not None and known.size == 1 and ctx.type(x).is_float:
        return str(ctx.emit("leaky_relu", [x], LeakyReluAttrs(float(known.reshape(-1)[0]))))
    return str(ctx.op("where", ctx.op("gt", x, 0), x, ctx.op("mul", x, slope)))


def _gelu(ctx: Any) -> str:
    return str(ctx.emit("gelu", [ctx.ref(0)], GeluAttrs(ctx.attr("approximate", "none") == "tanh")))


def _softmax(log: bool) -> Callable[..., Any]:
    """Before operator set 13, all dimensions from the axis on are one."""

    def read(ctx: Any) -> str:
        x = ctx.ref(0)
        shape = ctx.shape(x)
        axis = norm_axis(ctx.attr("axis", -1 if ctx.opset >= 13 else 1), len(shape))
        if ctx.opset >= 13 or axis == len(shape) - 1:
            return str(ctx.emit("softmax", [x], SoftmaxAttrs(axis, log)))
        flat = ctx.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:])))
        return str(ctx.reshape(ctx.emit("softmax", [flat], SoftmaxAttrs(1, log)), shape))

    return read


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


def _arg(op: str) -> Callable[..., Any]:
    def read(ctx: Any) -> str:
        x = ctx.plain(ctx.ref(0))
        shape = ctx.shape(x)
        axis, n = norm_axis(ctx.attr("axis", 0), len(shape)), 0
        if last := bool(ctx.attr("select_last_index", 0)):
            n = shape[axis]
            x = ctx.emit("gather", [x, ctx.const(np.arange(n)[::-1], "reversed", "i32")], GatherAttrs(axis))
        y = ctx.emit(op, [x], ReduceAttrs((axis,), bool(ctx.attr("keepdims", 1))))
        return str(ctx.op("sub", ctx.like(n - 1, y), y) if last else y)

    return read


# -- reductions ---------------------------------------------------------------------------------------------------
def _reduce(op: str, before: str = "", after: str = "", since: int = 18, empty: float = 0.0) -> Callable[..., Any]:
    """`before` and `after` are unary operators ("square" included) around the reduction."""

    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0))
        t = ctx.type(x)
        axes = axes_of(ctx, t.rank, since)
        if axes is None and not before and not after:
            return x
        keep, kind = bool(ctx.attr("keepdims", 1)), ctx.kind(0)
        if t.size == 0 and axes:
            shape = [1 if d in axes else n for d, n in enumerate(t.shape) if keep or d not in axes]
            return _empty(ctx, shape, empty, kind)
        if before:
            x = ctx.op("mul", x, x) if before == "square" else ctx.op(before, x)
        y = _run(ctx, op, x, axes or [], keep)
        return ctx.op(after, y) if after else y

    return read


def _empty(ctx: Any, shape: list[int], value: float, kind: int) -> str:
    info = None if dtype_of_kind(kind, "x") == "f32" else np.iinfo(ctx.type(ctx.ref(0)).numpy) if kind != 9 else None
    if info is not None and math.isinf(value):
        value = info.max if value > 0 else info.min
    return filled(ctx, shape, (value > 0) if kind == 9 else value, kind)


def _run(ctx: Any, op: str, x: str, axes: list[int], keep: bool) -> str:
    dtype = ctx.type(x).dtype
    if op in ("amax", "amin") and dtype == "bool":
        return reduced(ctx, "any" if op == "amax" else "all", x, axes, keep)
    if op == "sum" and dtype in ("i8", "u8", "i16"):
        return str(ctx.cast(reduced(ctx, op, ctx.cast(x, "i32"), axes, keep, SumAttrs), dtype))
    if not axes:
        return x
    return reduced(ctx, op, x, axes, keep, SumAttrs if op == "sum" else ReduceAttrs)


def _log_sum_exp(ctx: Any) -> Any:
    """log(sum(exp(x - max))) + max, so that nothing overflows."""
    x = ctx.ref(0)
    t = ctx.type(x)
    axes, keep = axes_of(ctx, t.rank, 18), bool(ctx.attr("keepdims", 1))
    if t.size == 0:
        shape = [1 if d in (axes or []) else n for d, n in enumerate(t.shape) if keep or d not in (axes or [])]
        return filled(ctx, shape, -math.inf, ctx.kind(0))
    if not axes:
        return x
    top = reduced(ctx, "amax", x, axes, True)
    y = ctx.op("log", reduced(ctx, "sum", ctx.op("exp", ctx.op("sub", x, top)), axes, True, SumAttrs))
    y = ctx.op("add", y, top)
    return y if keep else ctx.reshape(y, [n for d, n in enumerate(t.shape) if d not in axes])


# -- products -----------------------------------------------------------------------------------------------------
def matmul(ctx: Any, a: str, b: str) -> str:
    """As numpy.matmul: leading dimensions broadcast, vectors count as rows and columns."""
    sa, sb = ctx.shape(a), ctx.shape(b)
    if not sa or not sb:
        raise BadFile("a product of matrices needs at least one dimension")
    out = (*(sa[:-1]), *(sb[-1:] if len(sb) > 1 else ()))
    a = ctx.reshape(a, (1, *sa)) if len(sa) == 1 else a
    b = ctx.reshape(b, (*sb, 1)) if len(sb) == 1 else b
    ta, tb = ctx.shape(a), ctx.shape(b)
    if len(tb) == 2 and ctx.is_weight(b) and ctx.type(b).is_float and ctx.program.constant(a) is None:
        y = ctx.emit("linear", [ctx.reshape(a, (math.prod(ta[:-1]), ta[-1])), ctx.turned(b, (1, 0))])
    elif len(tb) == 2:
        y = ctx.emit("matmul", [ctx.reshape(a, (math.prod(ta[:-1]), ta[-1])), b])
    else:
        batch = np.broadcast_shapes(ta[:-2], tb[:-2])
        out = (*batch, *(sa[-2:-1]), *(sb[-1:]))
        y = ctx.emit("matmul", [ctx.expand(a, (*batch, *ta[-2:])), ctx.expand(b, (*batch, *tb[-2:]))])
    return str(ctx.reshape(y, out))


def _matmul(ctx: Any) -> str:
    return matmul(ctx, ctx.ref(0), ctx.ref(1))


def _gemm(ctx: Any) -> str:
    a, b = ctx.ref(0), ctx.ref(1)
    alpha, beta = float(ctx.attr("alpha", 1.0)), float(ctx.attr("beta", 1.0))
    a = ctx.transpose(a, (1, 0)) if ctx.attr("transA", 0) else a
    c = ctx.constant(2)
    n = ctx.shape(b)[0 if ctx.attr("transB", 0) else 1]
    flat = not ctx.has(2) or (c is not None and c.size in (1, n) and c.shape[-1:] in ((), (1,), (n,)))
    known = ctx.program.constant(b)
    row = not ctx.has(2) or (ctx.is_weight(ctx.ref(2)) and ctx.shape(ctx.ref(2)) == (n,))
    if known is None and ctx.is_weight(b) and row and alpha == beta == 1:
        w = b if ctx.attr("transB", 0) else ctx.turned(b, (1, 0))
        return str(ctx.emit("linear", [a, w, *([ctx.ref(2)] if ctx.has(2) else [])]))
    if known is not None and flat and ctx.type(a).is_float:
        w = known if ctx.attr("transB", 0) else known.T
        refs = [a, ctx.const(w * np.float32(alpha), ctx.node.input[1])]
        if c is not None:
            refs.append(ctx.const(np.broadcast_to(c.reshape(-1) * np.float32(beta), (n,)), ctx.node.input[2]))
        return str(ctx.emit("linear", refs))
    y = ctx.emit("matmul", [a, ctx.transpose(b, (1, 0)) if ctx.attr("transB", 0) else b])
    y = y if alpha == 1 else ctx.op("mul", y, alpha)
    if not ctx.has(2):
        return str(y)
    return str(ctx.op("add", y, ctx.ref(2) if beta == 1 else ctx.op("mul", ctx.ref(2), beta)))


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
    x = reduced(ctx, "sum", x, gone, False, SumAttrs) if gone else x
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
        x = pick(ctx, flat, len(rest), np.arange(n) * (n + 1))
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


def _where(ctx: Any) -> str:
    return str(ctx.emit("where", [ctx.ref(0), ctx.plain(ctx.ref(1)), ctx.plain(ctx.ref(2))]))


def _elu(ctx: Any) -> str:
    return str(ctx.emit("elu", [ctx.ref(0)], EluAttrs(float(ctx.attr("alpha", 1.0)))))


def _leaky(ctx: Any) -> str:
    return str(ctx.emit("leaky_relu", [ctx.ref(0)], LeakyReluAttrs(float(ctx.attr("alpha", 0.01)))))


READERS: Mapping[str, Callable[..., Any]] = {
    "Cast": _cast,
    "CastLike": _cast_like,
    "Pow": _pow,
    "Mod": _mod,
    "BitShift": _bit_shift,
    "IsInf": _is_inf,
    "Clip": _clip,
    "Mean": _mean,
    "Selu": _selu,
    "Celu": _celu,
    "Elu": _elu,
    "LeakyRelu": _leaky,
    "HardSigmoid": _hard_sigmoid,
    "ThresholdedRelu": _thresholded_relu,
    "Shrink": _shrink,
    "Softsign": _softsign,
    "Mish": _mish,
    "Swish": _swish,
    "PRelu": _prelu,
    "Gelu": _gelu,
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "Hardmax": _hardmax,
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "ReduceSum": _reduce("sum", since=13),
    "ReduceProd": _reduce("prod", empty=1.0),
    "ReduceMax": _reduce("amax", empty=-math.inf),
    "ReduceMin": _reduce("amin", empty=math.inf),
    "ReduceL1": _reduce("sum", before="abs"),
    "ReduceL2": _reduce("sum", before="square", after="sqrt"),
    "ReduceSumSquare": _reduce("sum", before="square"),
    "ReduceLogSum": _reduce("sum", after="log", empty=-math.inf),
    "ReduceLogSumExp": _log_sum_exp,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Where": _where,
}
