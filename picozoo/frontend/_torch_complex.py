"""Complex numbers of PyTorch: two real values apart. Fourier transforms make them; abs, real and imag end them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from picozoo.errors import Unsupported
from picozoo.frontend._onnx_signal import transform
from picozoo.frontend._torch_onnx import Borrowed
from picozoo.ops._op import norm_axis

# Overloads that do the same to the real and to the imaginary part of their first input, or of all of a list.
_APART = (
    "add.Tensor sub.Tensor neg.default view.default reshape.default permute.default transpose.int slice.Tensor "
    "select.int unsqueeze.default squeeze.dim squeeze.dims squeeze.default expand.default cat.default "
    "stack.default clone.default contiguous.default alias.default flatten.using_ints sum.dim_IntList mean.dim "
    "_neg_view.default "
)


class Complex(NamedTuple):
    """References of the parts, of one shape."""

    re: str
    im: str


def read(ctx: Any, said: str, reader: Callable[..., Any], args: Sequence[Any], named: dict[str, Any]) -> Any:
    """What an overload gives for inputs of which some are complex."""
    if said in READERS:
        return READERS[said](ctx, *args, **named)
    if said not in _APART.split():
        raise Unsupported("it takes complex numbers; use abs, real, imag, angle or view_as_real before it")
    return Complex(*(str(reader(ctx, *_parts(ctx, args, k), **named)) for k in (0, 1)))


def _parts(ctx: Any, args: Any, k: int) -> list[Any]:
    """Arguments with the real or the imaginary parts in place of complex values; what is real has no imaginary part."""
    found = []
    for a in args:
        if isinstance(a, list | tuple):
            found.append(_parts(ctx, a, k))
        else:
            c = ctx.complex_of(a)
            found.append(a if c is None else c[k])
    return found


def _of(ctx: Any, arg: Any) -> Complex:
    """A value as a complex one."""
    found = ctx.complex_of(arg)
    if found is not None:
        return Complex(*found)
    ref = ctx.ref(arg, "f32")
    return Complex(ref, ctx.const(np.zeros(ctx.type(ref).shape, np.float32), "zeros"))


def _both(ctx: Any, a: Any, b: Any, **_: Any) -> Complex:
    """Product of two values of which one is complex."""
    v, x, y = Borrowed(ctx), ctx.complex_of(a), ctx.complex_of(b)
    if x is None or y is None:
        c, real = (x, b) if y is None else (y, a)
        factor = ctx.ref(real, "f32")
        return Complex(v.op("mul", c[0], factor), v.op("mul", c[1], factor))
    re = v.op("sub", v.op("mul", x[0], y[0]), v.op("mul", x[1], y[1]))
    return Complex(re, v.op("add", v.op("mul", x[0], y[1]), v.op("mul", x[1], y[0])))


def _divided(ctx: Any, a: Any, b: Any, **_: Any) -> Complex:
    if ctx.complex_of(b) is not None:
        raise Unsupported("division by complex numbers; multiply by the conjugate and divide by the square of abs")
    v, x, y = Borrowed(ctx), ctx.complex_of(a), ctx.ref(b, "f32")
    return Complex(v.op("div", x[0], y), v.op("div", x[1], y))


def _abs(ctx: Any, x: Any) -> str:
    v, c = Borrowed(ctx), ctx.complex_of(x)
    return v.op("sqrt", v.op("add", v.op("mul", c[0], c[0]), v.op("mul", c[1], c[1])))


def _angle(ctx: Any, x: Any) -> Any:
    c, v = ctx.complex_of(x), Borrowed(ctx)
    if c is not None:
        return ctx.read("atan2.default", c[1], c[0])
    x = ctx.ref(x, "f32")
    return v.op("where", v.op("lt", x, 0.0), v.like(math.pi, x), v.like(0.0, x))


def _as_real(ctx: Any, x: Any) -> str:
    v, c = Borrowed(ctx), ctx.complex_of(x)
    rank = len(v.shape(c[0]))
    parts = [v.reshape(r, (*v.shape(r), 1)) for r in c]
    return str(v.emit("concat", parts, v.attrs_of("concat")(rank)))


def _as_complex(ctx: Any, x: Any) -> Complex:
    v = Borrowed(ctx, [x])
    shape = v.shape(v.ref(0))
    return Complex(*(v.reshape(v.part(v.ref(0), len(shape) - 1, k, 1), shape[:-1]) for k in (0, 1)))


def _conjugate(ctx: Any, x: Any) -> Complex:
    c = ctx.complex_of(x)
    return Complex(c[0], Borrowed(ctx).op("neg", c[1]))


# -- transforms ---------------------------------------------------------------------------------------------------
def _scale(kind: int, size: int) -> float:
    """PyTorch's `normalization`: not at all, by the root of the number of samples, by their number."""
    return (1.0, 1 / math.sqrt(size), 1 / size)[kind]


def _along(ctx: Any, c: tuple[str, str | None], axis: int, inverse: bool, onesided: bool) -> Complex:
    """The transform along one dimension, without a factor."""
    v = Borrowed(ctx)
    shape = v.shape(c[0])
    n, rest = shape[axis], [d for d in range(len(shape)) if d != axis]
    rows = math.prod(shape[d] for d in rest)
    flat = [v.reshape(v.transpose(r, (*rest, axis)), (rows, n, 1)) for r in c if r is not None]
    x = flat[0] if len(flat) == 1 else v.emit("concat", flat, v.attrs_of("concat")(2))
    y = transform(v, x, n, inverse, onesided)
    m, back = v.shape(y)[1], list(range(len(rest)))
    back.insert(axis, len(rest))
    parts = (v.reshape(v.part(y, 2, k, 1), (*[shape[d] for d in rest], m)) for k in (0, 1))
    re, im = (v.transpose(p, back) for p in parts)
    return _scaled(ctx, Complex(re, im), float(n)) if inverse else Complex(re, im)  # which `transform` divides by


def _scaled(ctx: Any, c: Complex, factor: float) -> Complex:
    v = Borrowed(ctx)
    return c if factor == 1 else Complex(v.op("mul", c.re, factor), v.op("mul", c.im, factor))


def _real_in(ctx: Any, x: Any, dims: Sequence[int], kind: int, onesided: bool) -> Complex:
    x = ctx.ref(x, "f32")
    shape = ctx.type(x).shape
    axes = [norm_axis(d, len(shape)) for d in dims]
    c = _along(ctx, (x, None), axes[-1], False, onesided)
    for axis in reversed(axes[:-1]):
        c = _along(ctx, c, axis, False, False)
    return _scaled(ctx, c, _scale(kind, math.prod(shape[a] for a in axes)))


def _complex_in(ctx: Any, x: Any, dims: Sequence[int], kind: int, forward: bool) -> Complex:
    c = _of(ctx, x)
    shape = ctx.type(c.re).shape
    axes = [norm_axis(d, len(shape)) for d in dims]
    for axis in axes:
        c = _along(ctx, c, axis, not forward, False)
    return _scaled(ctx, c, _scale(kind, math.prod(shape[a] for a in axes)))


def _real_out(ctx: Any, x: Any, dims: Sequence[int], kind: int, last: int) -> str:
    """Real samples of half a spectrum: its mirror image counts twice."""
    c, v = _of(ctx, x), Borrowed(ctx)
    axes = [norm_axis(d, len(v.shape(c.re))) for d in dims]
    size = math.prod(v.shape(c.re)[a] for a in axes[:-1]) * last
    for axis in axes[:-1]:
        c = _along(ctx, c, axis, True, False)
    axis, m = axes[-1], last // 2 + 1
    k, t = np.arange(m)[:, None], np.arange(last)
    weight = np.where((k == 0) | (2 * k == last), 1.0, 2.0) * _scale(kind, size)
    angle = 2 * np.pi * (k * t % last) / last
    matrix = np.concatenate([weight * np.cos(angle), -weight * np.sin(angle)]).T
    rest = [d for d in range(len(v.shape(c.re))) if d != axis]
    rows = [v.transpose(v.part(r, axis, 0, m), (*rest, axis)) for r in c]
    lead = v.shape(rows[0])[:-1]
    flat = v.emit("concat", [v.reshape(r, (math.prod(lead), m)) for r in rows], v.attrs_of("concat")(1))
    y = v.reshape(v.emit("linear", [flat, v.const(matrix, "idft", "f32")]), (*lead, last))
    back = list(range(len(rest)))
    back.insert(axis, len(rest))
    return v.transpose(y, back)


READERS: dict[str, Callable[..., Any]] = {
    "_fft_r2c.default": _real_in,
    "_fft_c2c.default": _complex_in,
    "_fft_c2r.default": _real_out,
    "abs.default": _abs,
    "angle.default": _angle,
    "real.default": lambda ctx, x: ctx.complex_of(x)[0],
    "imag.default": lambda ctx, x: ctx.complex_of(x)[1],
    "view_as_real.default": _as_real,
    "view_as_complex.default": _as_complex,
    "complex.default": lambda ctx, re, im: Complex(ctx.ref(re), ctx.ref(im)),
    "_conj.default": _conjugate,
    "conj.default": _conjugate,
    "_conj_physical.default": _conjugate,
    "resolve_conj.default": lambda ctx, x: Complex(*ctx.complex_of(x)),
    "mul.Tensor": _both,
    "mul.Scalar": _both,
    "div.Tensor": _divided,
    "div.Scalar": _divided,
}
_ALONE = ("abs.default", "mul.Tensor", "mul.Scalar", "div.Tensor", "div.Scalar")
OWN = {k: v for k, v in READERS.items() if k not in _ALONE}  # those that only complex numbers have
