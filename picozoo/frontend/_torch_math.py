"""PyTorch's arithmetic and reductions that become several operators. Integers stay integers, as PyTorch has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._torch_onnx import Borrowed, as_node
from picozoo.ops._onnx import reduced
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.pad import PadAttrs
from picozoo.ops.topk import TopkAttrs

Made = Callable[[Borrowed, str], str]


def _of_float(make: Made) -> Callable[..., Any]:
    """Reader of one float tensor; integers become floats first."""

    def read(ctx: Any, x: Any) -> str:
        v = Borrowed(ctx, [ctx.ref(x, "f32")])
        return make(v, v.ref(0))

    return read


def _expm1(v: Borrowed, x: str) -> str:
    """tanh(x / 2) (e^x + 1): nothing cancels near zero."""
    return v.op("mul", v.op("tanh", v.op("mul", x, 0.5)), v.op("add", v.op("exp", x), 1.0))


def _log1p(v: Borrowed, x: str) -> str:
    """Near zero 2 atanh(x / (2 + x)), where 1 + x would round."""
    near = v.op("mul", v.op("atanh", v.op("div", x, v.op("add", x, 2.0))), 2.0)
    return v.op("where", v.op("lt", v.op("abs", x), 0.5), near, v.op("log", v.op("add", x, 1.0)))


def _trunc(v: Borrowed, x: str) -> str:
    if not v.type(x).is_float:
        return x
    return v.op("mul", v.op("sign", x), v.op("floor", v.op("abs", x)))


def _atan2(ctx: Any, y: Any, x: Any) -> str:
    """Angle of (x, y): the arc tangent, half a turn further to the left of the axis."""
    v = Borrowed(ctx, [ctx.ref(y, "f32"), ctx.ref(x, "f32")])
    y, x = v.refs()
    flat = v.op("atan", v.op("div", y, x))
    turn = v.op("where", v.op("ge", y, 0.0), v.like(math.pi, y), v.like(-math.pi, y))
    left = v.op("where", v.op("lt", x, 0.0), v.op("add", flat, turn), flat)
    return v.op("where", v.op("eq", x, 0.0), v.op("mul", v.op("sign", y), math.pi / 2), left)


def _hypot(ctx: Any, x: Any, y: Any) -> str:
    v = Borrowed(ctx, [ctx.ref(x, "f32"), ctx.ref(y, "f32")])
    x, y = v.refs()
    return v.op("sqrt", v.op("add", v.op("mul", x, x), v.op("mul", y, y)))


# -- division -----------------------------------------------------------------------------------------------------
def _pair(ctx: Any, a: Any, b: Any) -> Borrowed:
    dtype = ctx.promote(a, b)
    return Borrowed(ctx, [ctx.ref(a, dtype), ctx.ref(b, dtype)])


def _rest(v: Borrowed, a: str, b: str) -> str:
    """What is left of a division rounded down: it has the divisor's sign."""
    if not v.type(a).is_float:
        return v.op("mod", a, b)
    left = v.op("fmod", a, b)
    apart = v.op("lt", v.op("mul", v.op("sign", left), v.op("sign", b)), 0.0)
    return v.op("where", apart, v.op("add", left, b), left)


def _remainder(ctx: Any, a: Any, b: Any) -> str:
    v = _pair(ctx, a, b)
    return _rest(v, *v.refs())


def _divided(ctx: Any, a: Any, b: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return ctx.read("div.Tensor", a, b)
    v = _pair(ctx, a, b)
    a, b = v.refs()
    if rounding_mode == "trunc":
        return _trunc(v, v.op("div", a, b))
    q = v.op("div", v.op("sub", a, _rest(v, a, b)), b)
    return v.op("round", q) if v.type(q).is_float else q


def _floor_divide(ctx: Any, a: Any, b: Any) -> Any:
    return _divided(ctx, a, b, rounding_mode="floor")


def _bits(op: str) -> Callable[..., Any]:
    """Integers: their bits; truth values: the logical operator of the same name."""

    def read(ctx: Any, a: Any, b: Any) -> str:
        v = _pair(ctx, a, b)
        logical = v.type(v.ref(0)).dtype == "bool"
        return v.op(op.replace("bitwise", "logical") if logical else op, *v.refs())

    return read


def _shift_right(ctx: Any, a: Any, b: Any) -> str:
    """The sign stays: the bits of a negative number are shifted the other way round."""
    v = _pair(ctx, a, b)
    a, b = v.refs()
    y = v.op("shift_right", a, b)
    if v.type(a).dtype == "u8":
        return y
    under = v.op("bitwise_not", v.op("shift_right", v.op("bitwise_not", a), b))
    return v.op("where", v.op("lt", a, 0), under, y)


def _not(ctx: Any, x: Any) -> str:
    x = ctx.ref(x)
    return str(ctx.emit("logical_not" if ctx.type(x).dtype == "bool" else "bitwise_not", [x]))


# -- reductions ---------------------------------------------------------------------------------------------------
def _axes(dim: Any, rank: int) -> list[int]:
    dims = range(rank) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    return sorted({norm_axis(int(d), rank) for d in dims})


def _best(op: str) -> Callable[..., Any]:
    """Largest or smallest along a dimension, and its place; what nobody reads is not computed."""

    def read(ctx: Any, x: Any, dim: int, keepdim: bool = False) -> list[Any]:
        x = ctx.ref(x)
        attrs = ReduceAttrs((norm_axis(dim, ctx.type(x).rank),), bool(keepdim))
        kinds = (f"a{op}", f"arg{op}")
        if ctx.type(x).rank == 0:
            return [x, ctx.ref(0)]
        return [ctx.emit(kind, [x], attrs) if ctx.read_later(k) else None for k, kind in enumerate(kinds)]

    return read


def _spread(root: bool, mean_too: bool = False) -> Callable[..., Any]:
    """Variance, or its root; `correction` is taken off the number of values that it is divided by."""

    def read(
        ctx: Any, x: Any, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        if isinstance(dim, bool):  # the overload without dimensions
            dim, unbiased = None, dim
        v = Borrowed(ctx, [x])
        x, rank = v.ref(0), v.type(v.ref(0)).rank
        less = float(correction) if correction is not None else float(unbiased)
        axes = _axes(dim, rank)
        n = math.prod(v.shape(x)[a] for a in axes)
        if n - less <= 0:
            raise Unsupported(f"the variance of {n} values with a correction of {less:g} is not a number")
        mean = reduced(v, "mean", x, axes, True)
        away = v.op("sub", x, mean)
        y = reduced(v, "mean", v.op("mul", away, away), axes, keepdim)
        y = v.op("mul", y, n / (n - less)) if less else y
        y = v.op("sqrt", y) if root else y
        return [y, v.reshape(mean, v.shape(y))] if mean_too else y

    return read


def _running(op: str) -> Callable[..., Any]:
    """What has been so far along a dimension, in log2 n steps over ever longer stretches.

    Source: Hillis and Steele, "Data parallel algorithms", 1986.
    """

    def read(ctx: Any, x: Any, dim: int, **_: Any) -> Any:
        v = Borrowed(ctx, [ctx.ref(x, ctx.out_dtype)])
        y, t = v.ref(0), v.type(v.ref(0))
        ends = np.finfo(np.float32) if t.is_float else np.iinfo(t.numpy)
        start = float({"mul": 1, "maximum": ends.min, "minimum": ends.max}[op])
        axis, step = norm_axis(dim, t.rank), 1
        while t.rank and step < t.shape[axis]:
            before = [0] * t.rank
            before[axis] = step
            moved = v.emit("pad", [y], PadAttrs(tuple(before), (0,) * t.rank, start))
            y, step = v.op(op, y, v.part(moved, axis, 0, t.shape[axis])), 2 * step
        if op == "mul":
            return y
        ctx.only_first()
        return [y, None]

    return read


def _sort(ctx: Any, x: Any, dim: int = -1, descending: bool = False, *, stable: Any = None) -> Any:
    x = ctx.ref(x)
    axis = norm_axis(dim, ctx.type(x).rank)
    if ctx.type(x).rank == 0:
        return [x, ctx.ref(0)]
    return ctx.emit("topk", [x], TopkAttrs(ctx.type(x).shape[axis], axis, bool(descending)))


def _kth(ctx: Any, x: Any, k: int, dim: int = -1, keepdim: bool = False) -> list[str]:
    """The k-th smallest and its place, k from 1."""
    v = Borrowed(ctx, [x])
    axis = norm_axis(dim, v.type(v.ref(0)).rank)
    made = v.emit("topk", [v.ref(0)], TopkAttrs(int(k), axis, False))
    return [v.reshape(v.part(m, axis, int(k) - 1, 1), ctx.out_shape) for m in made]


def _median(ctx: Any, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the two in the middle."""
    x = ctx.ref(x)
    if dim is None:
        n = ctx.type(x).size
        return _kth(ctx, ctx.reshape(x, (n,)), (n + 1) // 2, 0)[0]
    n = ctx.type(x).shape[norm_axis(dim, ctx.type(x).rank)]
    return _kth(ctx, x, (n + 1) // 2, dim, keepdim)


def _distances(ctx: Any, a: Any, b: Any, p: float = 2.0, *_: Any) -> str:
    """[..., n, d] and [..., m, d] -> [..., n, m]: norm of every difference."""
    v = Borrowed(ctx, [a, b])
    x, y = v.refs()
    sx, sy = v.shape(x), v.shape(y)
    gap = v.op("sub", v.reshape(x, (*sx[:-1], 1, sx[-1])), v.reshape(y, (*sy[:-2], 1, *sy[-2:])))
    last = [len(v.shape(gap)) - 1]
    if p == 2:
        return v.op("sqrt", reduced(v, "sum", v.op("mul", gap, gap), last, False))
    gap = v.op("abs", gap)
    if p in (1, math.inf):
        return reduced(v, "sum" if p == 1 else "amax", gap, last, False)
    return v.op("pow", reduced(v, "sum", v.op("pow", gap, float(p)), last, False), 1 / p)


def _bilinear(ctx: Any, a: Any, b: Any, w: Any, bias: Any = None) -> str:
    y = as_node(ctx, "Einsum", [a, w, b], equation="...i,oij,...j->...o")
    return str(y if bias is None else ctx.emit("add", [y, ctx.ref(bias)]))


def _places(ctx: Any, edges: Any, x: Any, right: bool, narrow: bool) -> str:
    """How many edges lie before each value (`right`: or at it)."""
    v = Borrowed(ctx, [edges, ctx.ref(x, ctx.promote(edges, x))])
    edges, x = v.refs()
    shape = v.shape(edges)
    if len(shape) > 1:
        edges = v.reshape(edges, (*shape[:-1], 1, shape[-1]))
    hit = v.op("ge" if right else "gt", v.reshape(x, (*v.shape(x), 1)), edges)
    return reduced(v, "sum", v.cast(hit, "i32" if narrow else "i64"), [len(v.shape(hit)) - 1], False)


def _searchsorted(
    ctx: Any, edges: Any, x: Any, *, out_int32: bool = False, right: bool = False, side: Any = None, sorter: Any = None
) -> str:
    if sorter is not None:
        raise Unsupported("searchsorted with sorter; sort the sequence first")
    return _places(ctx, edges, x, right or side == "right", out_int32)


def _bucketize(ctx: Any, x: Any, edges: Any, *, out_int32: bool = False, right: bool = False) -> str:
    return _places(ctx, edges, x, right, out_int32)


READERS: dict[str, Callable[..., Any]] = {
    "expm1.default": _of_float(_expm1),
    "log1p.default": _of_float(_log1p),
    "log2.default": _of_float(lambda v, x: v.op("mul", v.op("log", x), 1 / math.log(2))),
    "log10.default": _of_float(lambda v, x: v.op("mul", v.op("log", x), 1 / math.log(10))),
    "exp2.default": _of_float(lambda v, x: v.op("pow", v.like(2.0, x), x)),
    "erfc.default": _of_float(lambda v, x: v.op("sub", v.like(1.0, x), v.op("erf", x))),
    "trunc.default": lambda ctx, x: _trunc(Borrowed(ctx), ctx.ref(x)),
    "fix.default": lambda ctx, x: _trunc(Borrowed(ctx), ctx.ref(x)),
    "frac.default": _of_float(lambda v, x: v.op("sub", x, _trunc(v, x))),
    "atan2.default": _atan2,
    "hypot.default": _hypot,
    "selu.default": lambda ctx, x: as_node(ctx, "Selu", [x]),
    "celu.default": lambda ctx, x, alpha=1.0: as_node(ctx, "Celu", [x], alpha=float(alpha)),
    "mish.default": lambda ctx, x: as_node(ctx, "Mish", [x]),
    "log_sigmoid.default": _of_float(lambda v, x: v.op("neg", v.op("softplus", v.op("neg", x)))),
    "einsum.default": lambda ctx, text, args, **_: as_node(ctx, "Einsum", args, equation=text),
    **{f"remainder.{k}": _remainder for k in ("Tensor", "Scalar", "Scalar_Tensor")},
    **{f"div.{k}_mode": _divided for k in ("Tensor", "Scalar")},
    **{f"floor_divide.{k}": _floor_divide for k in ("default", "Scalar")},
    **{
        f"{name}.{k}": _bits(f"bitwise_{op}")
        for op in ("and", "or", "xor")
        for name, kinds in (
            (f"bitwise_{op}", ("Tensor", "Scalar", "Scalar_Tensor")),
            (f"__{op}__", ("Tensor", "Scalar")),
        )
        for k in kinds
    },
    **{f"bitwise_left_shift.{k}": _bits("shift_left") for k in ("Tensor", "Tensor_Scalar")},
    **{f"__lshift__.{k}": _bits("shift_left") for k in ("Tensor", "Scalar")},
    **{f"bitwise_right_shift.{k}": _shift_right for k in ("Tensor", "Tensor_Scalar")},
    **{f"__rshift__.{k}": _shift_right for k in ("Tensor", "Scalar")},
    "bitwise_not.default": _not,
    "max.dim": _best("max"),
    "min.dim": _best("min"),
    **{f"var.{k}": _spread(False) for k in ("default", "dim", "correction")},
    **{f"std.{k}": _spread(True) for k in ("default", "dim", "correction")},
    **{f"var_mean.{k}": _spread(False, True) for k in ("default", "dim", "correction")},
    **{f"std_mean.{k}": _spread(True, True) for k in ("default", "dim", "correction")},
    "cumprod.default": _running("mul"),
    "cummax.default": _running("maximum"),
    "cummin.default": _running("minimum"),
    "sort.default": _sort,
    "sort.stable": _sort,
    "kthvalue.default": _kth,
    "median.default": _median,
    "median.dim": _median,
    "cdist.default": _distances,
    "_cdist_forward.default": _distances,
    "bilinear.default": _bilinear,
    "searchsorted.Tensor": _searchsorted,
    "searchsorted.Scalar": _searchsorted,
    "bucketize.Tensor": _bucketize,
}  # fmt: skip
