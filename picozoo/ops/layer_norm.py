"""Layer normalisation over the last dimensions, with scale and shift. Source: Ba et al., 2016.

In int8 (weights int16) a row of n is normalised exactly up to its square root: n x - sum over the root of n^2 times the
variance, in integers, the reciprocal of the root by one division of 32 bits for each row, then 10 fraction bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import QuantParams, TensorType

MOST, BITS = 1024, 10  # longest row of the integer form; fraction bits of a normalised value


@dataclass(frozen=True)
class LayerNormAttrs:
    eps: float = 1e-5


def _read(ctx: Any, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any) -> Any:
    w = ctx.const(np.ones(tuple(shape), np.float32), "ones") if weight is None else ctx.ref(weight)
    b = ctx.const(np.zeros(tuple(shape), np.float32), "zeros") if bias is None else ctx.ref(bias)
    return ctx.emit("layer_norm", [ctx.ref(x), w, b], LayerNormAttrs(float(eps)))


def _onnx(ctx: Any) -> Any:
    x, w = ctx.ref(0), ctx.ref(1)
    shape = ctx.shape(x)
    axis = norm_axis(ctx.attr("axis", -1), len(shape))
    if ctx.wants(1) or ctx.wants(2) or ctx.shape(w) != shape[axis:]:
        return NotImplemented
    b = ctx.ref(2) if ctx.has(2) else ctx.const(np.zeros(shape[axis:]), "zeros", "f32")
    return ctx.emit("layer_norm", [x, w, b], LayerNormAttrs(float(ctx.attr("epsilon", 1e-5))))


class LayerNorm(Op):
    name = "layer_norm"
    Attrs = LayerNormAttrs
    quant_rule = "free"
    flash_inputs = (1, 2)
    aten = {"layer_norm.default": _read}
    onnx = {"LayerNormalization": _onnx}
    cases = (
        Case((TensorType((2, 3, 8)), TensorType((8,)), TensorType((8,))), LayerNormAttrs(), constants=(1, 2)),
        *(
            Case(
                (
                    TensorType((4, n), "i8", QuantParams.tensor(x, -7)),
                    TensorType((n,), "i16", QuantParams.tensor(w)),
                    TensorType((n,), "i16", QuantParams.tensor(2 * w)),
                ),
                LayerNormAttrs(eps),
                (TensorType((4, n), "i8", QuantParams.tensor(y, 5)),),
                constants=(1, 2),
            )
            for n, x, w, y, eps in (
                (8, 0.05, 1 / 32767, 0.03, 1e-5),
                (100, 0.01, 1e-5, 0.01, 0.1),
                (1, 1.0, 1e-4, 0.1, 0.0),
            )
        ),
    )

    def infer(self, ins: Types, attrs: LayerNormAttrs) -> list[TensorType]:
        x, w, b = ins
        if w.shape != b.shape or x.shape[x.rank - w.rank :] != w.shape:
            raise Unsupported(f"layer_norm of {list(x.shape)} with weights {list(w.shape)}")
        return [x]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LayerNormAttrs) -> list[np.ndarray]:
        if outs[0].quant is not None:
            return [self._integers(args, ins, outs, attrs)]
        x, w, b = args
        flat = x.reshape(-1, w.size).astype(np.float64)
        centred = flat - flat.mean(1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(1, keepdims=True) + attrs.eps)
        return [(y * w.reshape(-1) + b.reshape(-1)).astype(np.float32)]

    def quant_inputs(self, ins: Types, attrs: LayerNormAttrs) -> dict[int, str]:
        return {0: "act", 1: "const16", 2: "const16"}

    def lowers(self, ins: Types, outs: Types, attrs: LayerNormAttrs) -> bool:
        types = [t.quant for t in (*ins, outs[0])]
        if any(q is None or not q.per_tensor for q in types) or [t.dtype for t in ins] != ["i8", "i16", "i16"]:
            return False
        scales = [q.scale[0] for q in types if q is not None]
        zeros = [q.zero_point[0] for q in types[1:3] if q is not None]
        return outs[0].dtype == "i8" and not any(zeros) and ins[1].size <= MOST and scales[2] <= 32 * scales[1]

    def _fixed(self, ins: Types, outs: Types, attrs: LayerNormAttrs) -> tuple[int, int, int, int]:
        """What eps adds to the square of the root; factor, shift and zero point of the output."""
        x, w, y = ins[0].quant, ins[1].quant, outs[0].quant
        assert x is not None and w is not None and y is not None
        added = min(round(attrs.eps * ins[1].size ** 2 / x.scale[0] ** 2), 1 << 60)
        return added, *quantize_multiplier(w.scale[0] / (1 << BITS) / y.scale[0]), y.zero_point[0]

    def _shifts(self, ins: Types, b: np.ndarray) -> np.ndarray:
        """The bias in units of the sums."""
        w, q = ins[1].quant, ins[2].quant
        assert w is not None and q is not None
        return np.rint(b.reshape(-1).astype(np.float64) * (q.scale[0] / w.scale[0] * (1 << BITS))).astype(np.int64)

    def _integers(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LayerNormAttrs) -> np.ndarray:
        w, n = args[1].reshape(-1).astype(np.int64), ins[1].size
        added, m, s, zero = self._fixed(ins, outs, attrs)
        x = args[0].reshape(-1, n).astype(np.int64)
        total = x.sum(1)
        inverse, shift = np.array([_inverse_root(int(v)) for v in n * (x**2).sum(1) - total**2 + added]).T[:, :, None]
        unit = ((n * x - total[:, None]) * inverse + (np.int64(1) << (shift - 1))) >> shift
        return np.clip(multiply_by_quantized_multiplier(unit * w + self._shifts(ins, args[2]), m, s) + zero, -128, 127)

    def inplace(self, ins: Types, outs: Types, attrs: LayerNormAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        n = prod(call.ins[1].shape)
        if call.outs[0].quant is not None:
            added, *rest = self._fixed(call.ins, call.outs, call.attrs)
            shifts = call.table("shift", self._shifts(call.ins, call.value(2)).astype(np.int32))
            where = (call.x(0), call.x(1), shifts, call.y(), call.ins[0].size // n, n)
            return call.run("pz_layer_norm_i8", *where, f"INT64_C({added})", *rest)
        return call.run(
            "pz_layer_norm_f32",
            call.x(0),
            call.x(1),
            call.x(2),
            call.y(),
            call.ins[0].size // n,
            n,
            call.literal(call.attrs.eps),
        )


def _inverse_root(v: int) -> tuple[int, int]:
    """1 / sqrt(v) as a factor of 16 bits and a shift that leaves `BITS` fraction bits."""
    v = max(v, 1)
    half = (v.bit_length() - 31) // 2  # so that v / 4^half has 31 or 32 bits
    root = isqrt(v >> 2 * half if half >= 0 else v << -2 * half)
    return (1 << 31) // root, 31 - BITS + half


OP = LayerNorm()
