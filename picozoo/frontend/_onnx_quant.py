"""ONNX nodes of quantisation. Rounding is ONNX's: halves to even.

QuantizeLinear with one known scale and zero point becomes `quantize`, whose integers a chain of the same parameters
passes on to DequantizeLinear untouched, so that `passes/lower_qdq` finds the pairs. uint8 is held as int8 there, 128
less. All other forms (per axis, blocks, computed scales, other types) are written out in float operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_file import RANGES, kind_name
from picozoo.ops._onnx import matmul
from picozoo.ops._onnx_window import conv
from picozoo.ops._op import norm_axis
from picozoo.ops._reduce import ReduceAttrs
from picozoo.ops.clamp import ClampAttrs
from picozoo.ops.leaky_relu import LeakyReluAttrs
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams, TensorType

_FLOAT8 = (17, 18, 19, 20)


def _range(kind: int) -> tuple[int, int]:
    if kind in RANGES:
        return RANGES[kind]
    bits, signed = {2: (8, 0), 3: (8, 1), 5: (16, 1), 6: (32, 1)}.get(kind, (0, 0))
    if not bits:
        raise Unsupported(f"quantisation to {kind_name(kind)}")
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _along(ctx: Any, ref: str, x: str) -> str:
    """A scale or zero point shaped to broadcast with x: scalar, one an index of `axis`, or one a block."""
    shape, s = ctx.shape(x), ctx.shape(ref)
    if s in ((), (1,)):
        return str(ctx.reshape(ref, ()))
    axis, block = norm_axis(ctx.attr("axis", 1), len(shape)), ctx.attr("block_size", 0)
    if len(s) == 1:
        return str(ctx.reshape(ref, (1,) * axis + s + (1,) * (len(shape) - axis - 1)) if s != () else ref)
    block = block or -(-shape[axis] // max(s[axis], 1))
    wide = ctx.expand(ctx.reshape(ref, (*s[: axis + 1], 1, *s[axis + 1 :])), (*s[: axis + 1], block, *s[axis + 1 :]))
    return str(ctx.part(ctx.reshape(wide, (*s[:axis], s[axis] * block, *s[axis + 1 :])), axis, 0, shape[axis]))


def _params(ctx: Any, scale: int, zero: int) -> tuple[float, int] | None:
    """Scale and zero point, if there is one of each and both are known."""
    s, z = ctx.constant(scale), ctx.constant(zero)
    if s is None or s.size != 1 or (ctx.has(zero) and (z is None or z.size != 1)):
        return None
    value = float(s.reshape(-1)[0])
    return (value, 0 if z is None else int(z.reshape(-1)[0])) if value > 0 and np.isfinite(value) else None


def quantize(ctx: Any, x: str, scale: float, zero: int, kind: int) -> str:
    """The `quantize` operator, and behind it the value as the file's type has it."""
    shift, dtype = (128, "i8") if kind == 2 else (0, {3: "i8", 5: "i16"}[kind])
    t = TensorType(ctx.shape(x), dtype, QuantParams.tensor(scale, zero - shift))
    q = ctx.emit("quantize", [x], QuantizeAttrs(dtype, even=True), like=t)
    if kind != 2:
        return str(q)
    from picozoo.frontend.onnx import as_uint8

    return as_uint8(ctx, q)


def _quantize_linear(ctx: Any) -> str:
    x = ctx.cast(ctx.ref(0), "f32")
    kind = ctx.kind(2) if ctx.has(2) else ctx.attr("output_dtype", 0) or 2
    ctx.out_kind, known = kind, _params(ctx, 1, 2)
    if known is not None and kind in (2, 3, 5) and ctx.program.constant(x) is None:
        return quantize(ctx, x, *known, kind)
    y = ctx.op("div", x, _along(ctx, ctx.ref(1), x))
    if kind in _FLOAT8:
        return str(ctx.to_kind(y, kind, bool(ctx.attr("saturate", 1))))
    y = ctx.op("round", y)
    if ctx.has(2):
        y = ctx.op("add", y, ctx.cast(_along(ctx, ctx.ref(2), x), "f32"))
    low, high = _range(kind)
    y = ctx.emit("clamp", [y], ClampAttrs(float(low), float(high)))
    return str(ctx.cast(y, ctx.ir_dtype(kind)))


def _integers(ctx: Any, ref: str, kind: int, scale: float, zero: int) -> str:
    """An int8, uint8 or int16 value with its scale; what a matching `quantize` made, if it comes from one."""
    made = ctx.builder.quantised.get(ref, ref)
    shift = 128 if kind == 2 else 0
    q = QuantParams.tensor(scale, zero - shift)
    if ctx.type(made).quant == q:
        return str(made)
    known = ctx.program.constant(ref)
    t = TensorType(ctx.shape(ref), "i16" if kind == 5 else "i8", q)
    if known is not None:
        return str(ctx.program.add_constant(ref + "_q", (known.astype(np.int32) - shift).astype(t.numpy), t))
    plain = ctx.plain(ref)
    if kind == 2:
        plain = ctx.op("bitwise_xor", ctx.cast(plain, "i8"), -128)
    return str(ctx.emit("reshape", [plain], _same(t), like=t))


def _same(t: TensorType) -> Any:
    from picozoo.ops.reshape import ReshapeAttrs

    return ReshapeAttrs(t.shape)


def dequantize(ctx: Any, ref: str, kind: int, scale: float, zero: int) -> str:
    """The `dequantize` operator on a value of the file."""
    return str(ctx.emit("dequantize", [_integers(ctx, ref, kind, scale, zero)]))


def _dequantize_linear(ctx: Any) -> str:
    x, kind, known = ctx.ref(0), ctx.kind(0), _params(ctx, 1, 2)
    ctx.out_kind = ctx.kind(1)
    if known is not None and kind in (2, 3, 5):
        return dequantize(ctx, x, kind, *known)
    weights = _weights(ctx, x, kind)
    if weights is not None:
        return weights
    y = ctx.cast(ctx.plain(x), "f32")
    if ctx.has(2):
        y = ctx.op("sub", y, ctx.cast(_along(ctx, ctx.ref(2), x), "f32"))
    return str(ctx.op("mul", y, _along(ctx, ctx.ref(1), x)))


def _weights(ctx: Any, x: str, kind: int) -> str | None:
    """Constant int8 weights with one scale a channel, and int32 biases, stay integers for `lower_qdq`."""
    a, s, z = ctx.constant(0), ctx.constant(1), ctx.constant(2)
    if a is None or s is None or kind not in (3, 6) or (z is not None and np.any(z)) or np.any(s <= 0):
        return None
    axis = None if s.size == 1 else norm_axis(ctx.attr("axis", 1), a.ndim)
    if s.ndim > 1 or (axis is not None and a.shape[axis] != s.size):
        return None
    q = QuantParams(tuple(float(v) for v in s.reshape(-1)), (0,) * s.size, axis)
    t = TensorType(a.shape, "i8" if kind == 3 else "i32", q)
    return str(ctx.emit("dequantize", [ctx.program.add_constant(x + "_q", a, t)]))


def _dynamic_quantize(ctx: Any) -> list[str]:
    """Scale and zero point from the values themselves, to uint8."""
    x = ctx.ref(0)
    flat = ctx.reshape(x, (ctx.type(x).size,))
    top = ctx.op("maximum", ctx.emit("amax", [flat], ReduceAttrs((0,), False)), 0.0)
    low = ctx.op("minimum", ctx.emit("amin", [flat], ReduceAttrs((0,), False)), 0.0)
    scale = ctx.op("div", ctx.op("sub", top, low), 255.0)
    zero = ctx.emit("clamp", [ctx.op("round", ctx.op("div", ctx.op("neg", low), scale))], ClampAttrs(0.0, 255.0))
    y = ctx.op("add", ctx.op("round", ctx.op("div", x, scale)), zero)
    y = ctx.cast(ctx.emit("clamp", [y], ClampAttrs(0.0, 255.0)), "u8")
    return [y, scale, ctx.cast(zero, "u8")]


def _shifted(ctx: Any, i: int, zero: int, rows: bool = False) -> str:
    """Input `i` minus its zero point, in int32."""
    x = ctx.cast(ctx.plain(ctx.ref(i)), "i32")
    if not ctx.has(zero):
        return str(x)
    z = ctx.cast(ctx.ref(zero), "i32")
    if ctx.type(z).size == 1:
        z = ctx.reshape(z, ())
    elif rows:
        z = ctx.reshape(z, (*ctx.shape(z), 1))
    return str(ctx.op("sub", x, z))


def _matmul_integer(ctx: Any) -> str:
    ctx.out_kind = 6
    return matmul(ctx, _shifted(ctx, 0, 2, rows=True), _shifted(ctx, 1, 3))


def _conv_integer(ctx: Any) -> str:
    ctx.out_kind = 6
    w, z = ctx.cast(ctx.plain(ctx.ref(1)), "i32"), None
    if ctx.has(3):
        z = ctx.cast(ctx.ref(3), "i32")
        n = ctx.type(z).size
        w = ctx.op("sub", w, ctx.reshape(z, () if n == 1 else (n, 1, 1, 1)))
    return conv(ctx, _shifted(ctx, 0, 2), w, None)


def _qlinear_matmul(ctx: Any) -> str:
    """(a - za)(b - zb) exactly in int32, times sa * sb / sy in float, rounded once: as ONNX Runtime.

    With constant weights it is a fully connected layer between dequantize and quantize, for the integer kernels.
    """
    b, zero = ctx.constant(3), ctx.constant(5)
    if b is not None and b.ndim == 2 and ctx.kind(3) == 3 and zero is not None and not np.any(zero):
        scale = ctx.array(4, "the weights' scale").reshape(-1)
        q = QuantParams(tuple(float(v) for v in scale), (0,) * scale.size, 0 if scale.size > 1 else None)
        w = ctx.program.add_constant("weights_q", b.T, TensorType(b.T.shape, "i8", q))
        y = ctx.emit("linear", [_real(ctx, 0), ctx.emit("dequantize", [w])])
        return _back(ctx, y, 6)
    acc = matmul(ctx, _shifted(ctx, 0, 2, rows=True), _shifted(ctx, 3, 5))
    factor = ctx.op("div", ctx.op("mul", _scale(ctx, 1, True), _scale(ctx, 4, False)), _scale(ctx, 6, False))
    kind = ctx.kind(7)
    ctx.out_kind = kind
    y = ctx.op("round", ctx.op("mul", ctx.cast(acc, "f32"), factor))
    y = ctx.op("add", y, ctx.cast(ctx.reshape(ctx.ref(7), ()), "f32"))
    low, high = _range(kind)
    return str(ctx.cast(ctx.emit("clamp", [y], ClampAttrs(float(low), float(high))), ctx.ir_dtype(kind)))


def _scale(ctx: Any, i: int, rows: bool) -> str:
    s = ctx.ref(i)
    if ctx.type(s).size == 1:
        return str(ctx.reshape(s, ()))
    return str(ctx.reshape(s, (*ctx.shape(s), 1)) if rows else s)


def _qlinear_conv(ctx: Any) -> str:
    """dequantize, conv, quantize; `lower_qdq` makes one integer operator of it where it can."""
    for i in (1, 2, 6, 7):
        ctx.array(i, "a scale or zero point")
    known, wanted = _params(ctx, 1, 2), _params(ctx, 6, 7)
    w, ws, wz = ctx.array(3, "weights"), ctx.array(4, "the weights' scale"), ctx.array(5, "the weights' zero point")
    if known is None or wanted is None:
        raise Unsupported("activations with more than one scale")
    kind_w, n = ctx.kind(3), w.shape[0]
    x = dequantize(ctx, ctx.ref(0), ctx.kind(0), *known)
    centred = w.astype(np.int32) - wz.astype(np.int32).reshape((-1,) + (1,) * (w.ndim - 1))
    scales = np.broadcast_to(ws.reshape(-1), (n,)).astype(np.float32)
    if kind_w not in (2, 3) or np.any(scales <= 0):
        raise BadFile("weights of QLinearConv are int8 or uint8 with scales above 0")
    if np.abs(centred).max(initial=0) <= 127:
        q = QuantParams(tuple(float(v) for v in scales), (0,) * n, 0)
        t = TensorType(w.shape, "i8", q)
        weights = ctx.emit("dequantize", [ctx.program.add_constant("weights_q", centred, t)])
    else:
        weights = ctx.const(centred * scales.reshape((-1,) + (1,) * (w.ndim - 1)), "weights", "f32")
    bias = None
    if ctx.has(8):
        q = QuantParams(tuple(float(np.float32(known[0]) * v) for v in scales), (0,) * n, 0)
        t = TensorType((n,), "i32", q)
        bias = ctx.emit("dequantize", [ctx.program.add_constant("bias_q", ctx.array(8, "the bias"), t)])
    y = conv(ctx, x, weights, bias)
    kind = ctx.kind(7)
    ctx.out_kind = kind
    return quantize(ctx, y, *wanted, kind)


# -- operators of ONNX Runtime ------------------------------------------------------------------------------------
def _real(ctx: Any, i: int) -> str:
    """Input i with its scale and zero point behind it, as a real number."""
    known = _params(ctx, i + 1, i + 2)
    if known is None:
        for k in (i + 1, i + 2):
            ctx.array(k, "a scale or zero point")
        raise Unsupported("more than one scale")
    return dequantize(ctx, ctx.ref(i), ctx.kind(i), *known)


def _back(ctx: Any, y: str, i: int) -> str:
    """A real number quantised with the scale at input i and the zero point behind it, in the first input's type."""
    known = _params(ctx, i, i + 1)
    if known is None:
        raise Unsupported("more than one scale")
    ctx.out_kind = ctx.kind(i + 1) if ctx.has(i + 1) else ctx.kind(0)
    return quantize(ctx, y, *known, ctx.out_kind)


def _between(op: str, inputs: int = 1, attrs: Callable[..., Any] = lambda ctx: None) -> Callable[..., Any]:
    """dequantize, the operator in float, quantize; `lower_qdq` makes one integer operator of it where there is one."""

    def read(ctx: Any) -> str:
        refs = [_real(ctx, 3 * k) for k in range(inputs)]
        return _back(ctx, ctx.emit(op, refs, attrs(ctx)), 3 * inputs)

    return read


def _pooled(ctx: Any) -> Any:
    if ctx.attr("channels_last", 0):
        raise Unsupported("channels_last=1")
    return ReduceAttrs(tuple(range(2, ctx.type(ctx.ref(0)).rank)), True)


READERS: Mapping[str, Callable[..., Any]] = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "DynamicQuantizeLinear": _dynamic_quantize,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
    "com.microsoft.QLinearAdd": _between("add", 2),
    "com.microsoft.QLinearMul": _between("mul", 2),
    "com.microsoft.QLinearSigmoid": _between("sigmoid"),
    "com.microsoft.QLinearLeakyRelu": _between("leaky_relu", 1, lambda c: LeakyReluAttrs(float(c.attr("alpha", 0.01)))),
    "com.microsoft.QLinearGlobalAveragePool": _between("mean", 1, _pooled),
}
