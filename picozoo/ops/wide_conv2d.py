"""Quantised convolution in the forms that `conv2d` does not have: int16 activations, and weights with a zero point.

Layouts and padding as `conv2d`; fully connected layers are windows of 1 x 1. Weights are int8, or int16 where a zero
point was taken from them (uint8 files). Follows LiteRT's reference kernels. Plain loops: these forms are for files that
have them, and `conv2d` is faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import Conv2dAttrs, patches, window_out
from picozoo.ops._fixed_point import activation_bounds, multiply_long, multiply_once, quantize_multiplier, requantize
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType


@dataclass(frozen=True)
class WideConv2dAttrs(Conv2dAttrs):
    """`rounding`: to the output "twice", "once", or "long": with a factor of 16 bits. Sums are as wide as biases."""

    rounding: str = "twice"


def _cases() -> tuple[Case, ...]:
    found = []
    for x, w, y, attrs in (
        ((1, 5, 4, 3), (4, 3, 2, 3), (1, 5, 2, 4), {"stride": (1, 2), "pad": (1, 1, 1, 0), "act": "relu"}),
        ((2, 5, 5, 4), (4, 3, 3, 1), (2, 5, 5, 4), {"pad": (1, 1, 1, 1), "groups": 4, "act": "relu6"}),
        ((3, 1, 1, 9), (5, 1, 1, 9), (3, 1, 1, 5), {}),
    ):
        o = w[0]
        per = QuantParams(tuple(float(np.float32(0.01 * (1 + 0.3 * i))) for i in range(o)), (0,) * o, 0)
        for narrow, wide, bias, how in (
            ("i8", "i16", "i32", "twice"),
            ("i16", "i8", "i64", "long"),
            ("i8", "i16", "i32", "once"),
            ("i16", "i8", "i32", "twice"),
            ("i16", "i8", "i64", "once"),
        ):
            sx, sy = (0.05, 0.9) if narrow == "i8" else (0.0002, 0.004)
            qx, qy = (
                QuantParams.tensor(sx, 7 if narrow == "i8" else 0),
                QuantParams.tensor(sy, -9 if narrow == "i8" else 0),
            )
            ins = (
                TensorType(x, narrow, qx),
                TensorType(w, wide, per if wide == "i8" else QuantParams.tensor(0.01)),
                TensorType((o,), bias),
            )
            made = WideConv2dAttrs(**attrs, rounding=how)
            low = -127 if wide == "i8" else -255
            found.append(Case(ins, made, (TensorType(y, narrow, qy),), constants=(1, 2), low=low, high=-low))
    return tuple(found)


class WideConv2d(Op):
    name = "wide_conv2d"
    Attrs = WideConv2dAttrs
    flash_inputs = (1, 2)
    cases = _cases()

    def infer(self, ins: Types, attrs: WideConv2dAttrs) -> list[TensorType]:
        x, w, b = ins
        if (
            x.rank != 4
            or w.rank != 4
            or attrs.groups < 1
            or x.shape[3] != w.shape[3] * attrs.groups
            or w.shape[0] % attrs.groups
            or b.shape != (w.shape[0],)
        ):
            shapes = [list(t.shape) for t in ins]
            raise Unsupported(f"wide_conv2d: shapes {shapes} in {attrs.groups} groups do not belong together")
        (n, h, wd, _), (o, kh, kw, _) = x.shape, w.shape
        t, bottom, left, right = attrs.pad
        oh = window_out(h, kh, attrs.stride[0], t, bottom, attrs.dilation[0])
        ow = window_out(wd, kw, attrs.stride[1], left, right, attrs.dilation[1])
        return [TensorType((n, oh, ow, o), x.dtype)]

    def lowers(self, ins: Types, outs: Types, attrs: WideConv2dAttrs) -> bool:
        x, w, b = ins
        return (
            x.dtype == outs[0].dtype
            and x.dtype in ("i8", "i16")
            and w.dtype in ("i8", "i16")
            and (x.dtype, w.dtype) != ("i16", "i16")
            and b.dtype in {"long": ("i64",), "twice": ("i32",)}.get(attrs.rounding, ("i32", "i64"))
            and x.quant is not None
            and x.quant.per_tensor
            and outs[0].quant is not None
            and w.quant is not None
            and w.quant.axis in (None, 0)
            and not any(w.quant.zero_point)
            and max(w.quant.scale) * x.quant.scale[0] < outs[0].quant.scale[0] * (1 << 13)  # or shifts leave the word
        )

    def macs(self, ins: Types, outs: Types, attrs: WideConv2dAttrs) -> int:
        return outs[0].size * int(np.prod(ins[1].shape[1:]))

    def _fixed(
        self, ins: Types, outs: Types, attrs: WideConv2dAttrs
    ) -> tuple[np.ndarray, np.ndarray, int, int, int, int]:
        """Factors and shifts, zero points, bounds."""
        x, w, y = ins[0].quant, ins[1].quant, outs[0].quant
        assert x is not None and w is not None and y is not None
        sx, sy = np.float64(np.float32(x.scale[0])), np.float64(np.float32(y.scale[0]))
        pairs = [quantize_multiplier(float(sx * np.float64(np.float32(s)) / sy)) for s in w.scale]
        m, s = np.array(pairs, np.int64).T
        if attrs.rounding == "long":
            m = np.where(m < 0x7FFF0000, (m + (1 << 15)) >> 16, 0x7FFF)
        lo, hi = activation_bounds(attrs.act, y.scale[0], y.zero_point[0], outs[0].dtype)
        return m, s, x.zero_point[0], y.zero_point[0], lo, hi

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: WideConv2dAttrs) -> list[np.ndarray]:
        x, w, b = args
        o, kh, kw, c = w.shape
        og = o // attrs.groups
        m, s, zx, zy, lo, hi = self._fixed(ins, outs, attrs)
        win = patches(x.astype(np.int64) - zx, kh, kw, attrs, 0)
        parts = [
            win[..., g * c : (g + 1) * c].reshape(*win.shape[:3], -1)
            @ w[g * og : (g + 1) * og].astype(np.int64).reshape(og, -1).T
            for g in range(attrs.groups)
        ]
        acc = np.concatenate(parts, -1) + b
        acc = acc if ins[2].dtype == "i64" else acc.astype(np.int32).astype(np.int64)  # wraps, as the C
        if attrs.rounding == "twice":
            return [requantize(acc, m, s, zy, lo, hi)]
        return [np.clip((multiply_long if attrs.rounding == "long" else multiply_once)(acc, m, s) + zy, lo, hi)]

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
        _, kh, kw, _ = call.ins[1].shape
        m, s, zx, zy, lo, hi = self._fixed(call.ins, call.outs, a)
        tables = (call.table("multiplier", m.astype(np.int32)), call.table("shift", s.astype(np.int8)))
        size = (n, h, w, c, oh, ow, o, kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, a.groups)
        kernel = f"pz_wide_conv2d_{call.ins[0].dtype}_{call.ins[1].dtype}_{call.ins[2].dtype}_{a.rounding}"
        where = (call.x(0), call.x(1), call.x(2), *tables, call.y())
        return str(call.run(kernel, *where, *size, int(len(m) > 1), zx, zy, lo, hi))


OP = WideConv2d()
