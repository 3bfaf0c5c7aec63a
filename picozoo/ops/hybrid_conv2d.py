"""Convolution of float activations with int8 weights ("dynamic range"): each input is quantised when it arrives.

Layouts and padding as `conv2d`; fully connected layers are windows of 1 x 1. The products are integers and exact; the
sum is multiplied by both scales. Follows LiteRT: symmetric activations for layers with one weight scale, asymmetric
ones where each channel has its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _tile16
from picozoo.ops._conv import Conv2dAttrs, patches, window_out
from picozoo.ops._hybrid import asymmetric, symmetric
from picozoo.ops._op import Case, Op, Types
from picozoo.ops.linear import clip_act, float_bounds
from picozoo.specs import QuantParams, Target, TensorType


@dataclass(frozen=True)
class HybridConv2dAttrs(Conv2dAttrs):
    """`asymmetric`: activations have a zero point; `apart`: times the weights' scale, then the activations'."""

    asymmetric: bool = False
    apart: bool = False


def _cases() -> tuple[Case, ...]:
    per = QuantParams((0.01, 0.02, 0.015, 0.03), (0,) * 4, 0)
    one = QuantParams.tensor(0.02)
    bias = TensorType((4,))
    return (
        Case(
            (TensorType((2, 5, 4, 3)), TensorType((4, 3, 2, 3), "i8", one), bias),
            HybridConv2dAttrs((1, 2), (1, 1, 1, 0), act="relu"),
            constants=(1, 2),
        ),
        Case(
            (TensorType((1, 6, 5, 2)), TensorType((4, 3, 3, 2), "i8", per), bias),
            HybridConv2dAttrs((2, 1), (1, 1, 0, 0), asymmetric=True, apart=True),
            constants=(1, 2),
        ),
        Case(
            (TensorType((1, 5, 5, 4)), TensorType((4, 3, 3, 1), "i8", per), bias),
            HybridConv2dAttrs((1, 1), (1, 1, 1, 1), groups=4, asymmetric=True),
            constants=(1, 2),
        ),
        Case(
            (TensorType((3, 1, 1, 7)), TensorType((4, 1, 1, 7), "i8", one), bias),
            HybridConv2dAttrs(asymmetric=True),
            constants=(1, 2),
            low=0.5,
            high=3,
        ),
        *_wide_cases(),
    )


def _wide_cases() -> tuple[Case, ...]:
    """More channels than a block of the tiles has, whole ones and a part; rows of windows that do not divide."""

    def case(x: tuple[int, ...], w: tuple[int, ...], attrs: HybridConv2dAttrs) -> Case:
        scales = QuantParams(tuple(0.01 + 0.001 * k for k in range(w[0])), (0,) * w[0], 0)
        return Case((TensorType(x), TensorType(w, "i8", scales), TensorType((w[0],))), attrs, constants=(1, 2))

    return (
        case((1, 5, 13, 6), (37, 3, 3, 6), HybridConv2dAttrs((1, 1), (1, 1, 1, 1), asymmetric=True)),
        case((1, 3, 9, 20), (48, 1, 1, 20), HybridConv2dAttrs(act="relu6", asymmetric=True)),
        case(
            (1, 7, 6, 45),
            (45, 3, 3, 1),
            HybridConv2dAttrs((2, 1), (1, 1, 1, 1), groups=45, asymmetric=True, apart=True),
        ),
    )


class HybridConv2d(Op):
    name = "hybrid_conv2d"
    Attrs = HybridConv2dAttrs
    flash_inputs = (1, 2)
    cases = _cases()

    def infer(self, ins: Types, attrs: HybridConv2dAttrs) -> list[TensorType]:
        x, w, b = ins
        if (
            x.rank != 4
            or w.rank != 4
            or attrs.groups < 1
            or x.shape[3] != w.shape[3] * attrs.groups
            or w.shape[0] % attrs.groups
            or b.shape != (w.shape[0],)
            or not x.size
        ):
            shapes = [list(t.shape) for t in ins]
            raise Unsupported(f"hybrid_conv2d: shapes {shapes} in {attrs.groups} groups do not belong together")
        (n, h, wd, _), (o, kh, kw, _) = x.shape, w.shape
        t, b_, left, right = attrs.pad
        oh = window_out(h, kh, attrs.stride[0], t, b_, attrs.dilation[0])
        return [TensorType((n, oh, window_out(wd, kw, attrs.stride[1], left, right, attrs.dilation[1]), o))]

    def lowers(self, ins: Types, outs: Types, attrs: HybridConv2dAttrs) -> bool:
        w = ins[1].quant
        plain = ins[0].dtype == ins[2].dtype == outs[0].dtype == "f32" and outs[0].quant is None
        return plain and ins[1].dtype == "i8" and w is not None and not any(w.zero_point) and w.axis in (None, 0)

    def macs(self, ins: Types, outs: Types, attrs: HybridConv2dAttrs) -> int:
        return outs[0].size * int(np.prod(ins[1].shape[1:]))

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: HybridConv2dAttrs) -> list[np.ndarray]:
        x, w, b = args
        o, kh, kw, c = w.shape
        og, made = o // attrs.groups, np.empty(outs[0].shape, np.float32)
        assert ins[1].quant is not None
        scales = np.array(ins[1].quant.scale, np.float32)
        for i, one in enumerate(x):
            q, scale, zero = (asymmetric if attrs.asymmetric else symmetric)(one)
            win = patches((q - zero)[None], kh, kw, attrs, 0)[0]
            parts = [
                win[..., g * c : (g + 1) * c].reshape(*win.shape[:2], -1)
                @ w[g * og : (g + 1) * og].astype(np.int64).reshape(og, -1).T
                for g in range(attrs.groups)
            ]
            acc = np.concatenate(parts, -1).astype(np.float32)
            made[i] = (acc * scales * scale if attrs.apart else acc * (scale * scales)) + b
        return [clip_act(made, attrs.act)]

    def scratch(self, ins: Types, outs: Types, attrs: HybridConv2dAttrs, target: Target) -> int:
        one = ins[0].size // ins[0].shape[0]
        return one + (_tile16.conv_scratch(ins[0], ins[1], outs[0], attrs) if _tiled(ins, attrs, target) else 0)

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
        _, kh, kw, _ = call.ins[1].shape
        how = (int(a.asymmetric), int(a.apart))
        if _tiled(call.ins, a, call.target) and call.in_flash(1) and call.in_flash(2):
            scales = np.broadcast_to(np.array(call.ins[1].quant.scale, np.float32), (o,))
            return _tile16.emit_hybrid(call, call.value(1), scales, call.value(2), (*how, *float_bounds(call)))
        scales = call.table("scales", np.array(call.ins[1].quant.scale, np.float32))
        where = (call.x(0), call.x(1), call.x(2), scales, call.y(), call.scratch("pz_i8"))
        size = (n, h, w, c, oh, ow, o, kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, a.groups)
        per = int(not call.ins[1].quant.per_tensor)
        return str(call.run("pz_hybrid_conv2d", *where, *size, per, *how, *float_bounds(call)))


def _tiled(ins: Types, attrs: HybridConv2dAttrs, target: Target) -> bool:
    """One group, or one a channel, on a processor with wide vectors."""
    return "tile16" in target.features and (attrs.groups == 1 or attrs.groups == ins[0].shape[3] == ins[1].shape[0])


OP = HybridConv2d()
