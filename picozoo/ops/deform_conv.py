"""Convolution at displaced points: each place of each window is moved by a computed offset and interpolated.

x [N, C, H, W], weights [O, C / groups, KH, KW], offsets [N, 2 * OG * KH * KW, OH, OW] (dy, dx of each place), mask
[N, OG * KH * KW, OH, OW] that multiplies. OG groups of channels have offsets of their own. Float. Source: Dai et al.,
2017; Zhu et al., 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import window_out
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class DeformConvAttrs:
    """Padding is (top, bottom, left, right)."""

    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    offset_groups: int = 1


def _onnx(ctx: Any) -> Any:
    x, w, offset = (ctx.ref(i) for i in range(3))
    if ctx.type(x).rank != 4 or ctx.type(w).rank != 4:
        raise Unsupported("DeformConv of other than two dimensions")
    pads, og = ctx.attr("pads") or [0] * 4, ctx.attr("offset_group", 1)
    stride, dilation = ctx.attr("strides") or [1, 1], ctx.attr("dilations") or [1, 1]
    pad = (pads[0], pads[2], pads[1], pads[3])
    a = DeformConvAttrs((stride[0], stride[1]), pad, (dilation[0], dilation[1]), ctx.attr("group", 1), og)
    n, _, oh, ow = ctx.shape(offset)
    kh, kw = ctx.shape(w)[2:]
    mask = ctx.ref(4) if ctx.has(4) else ctx.const(np.ones((n, og * kh * kw, oh, ow)), "ones", "f32")
    bias = ctx.ref(3) if ctx.has(3) else ctx.const(np.zeros(ctx.shape(w)[0]), "zeros", "f32")
    return ctx.emit("deform_conv", [x, w, offset, mask, bias], a)


class DeformConv(Op):
    name = "deform_conv"
    Attrs = DeformConvAttrs
    flash_inputs = (1, 4)
    onnx = {"DeformConv": _onnx}
    cases = (
        Case(
            (
                TensorType((1, 4, 5, 4)),
                TensorType((2, 2, 2, 2)),
                TensorType((1, 16, 3, 3)),
                TensorType((1, 8, 3, 3)),
                TensorType((2,)),
            ),
            DeformConvAttrs((2, 1), (0, 1, 0, 0), groups=2, offset_groups=2),
            constants=(1, 4),
        ),
    )

    def infer(self, ins: Types, attrs: DeformConvAttrs) -> list[TensorType]:
        x, w, offset, mask, bias = ins
        g, og = attrs.groups, attrs.offset_groups
        fits = x.rank == w.rank == offset.rank == 4 and g > 0 and og > 0 and x.shape[1] == w.shape[1] * g
        if not fits or w.shape[0] % g or x.shape[1] % og or bias.shape != (w.shape[0],) or x.dtype != "f32":
            raise Unsupported(f"deform_conv of {list(x.shape)} with weights {list(w.shape)}")
        (n, _, h, wd), (o, _, kh, kw) = x.shape, w.shape
        t, b, left, right = attrs.pad
        oh = window_out(h, kh, attrs.stride[0], t, b, attrs.dilation[0])
        ow = window_out(wd, kw, attrs.stride[1], left, right, attrs.dilation[1])
        places = og * kh * kw
        if offset.shape != (n, 2 * places, oh, ow) or mask.shape != (n, places, oh, ow):
            raise Unsupported(f"deform_conv with offsets {list(offset.shape)} and mask {list(mask.shape)}")
        return [TensorType((n, o, oh, ow))]

    def macs(self, ins: Types, outs: Types, attrs: DeformConvAttrs) -> int:
        return outs[0].size * (ins[1].size // ins[1].shape[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: DeformConvAttrs) -> list[np.ndarray]:
        x, w, offset, mask, bias = args
        (n, c, _, _), (o, cg, kh, kw), (_, _, oh, ow) = x.shape, w.shape, outs[0].shape
        y = np.zeros(outs[0].shape, np.float32) + bias.reshape(1, -1, 1, 1)
        og, per = o // attrs.groups, c // attrs.offset_groups
        for b, i, u, v, ch in np.ndindex(n, oh, ow, kh * kw, c):
            k = ch // per * kh * kw + u * 0 + v
            at_y = np.float32(i * attrs.stride[0] - attrs.pad[0] + v // kw * attrs.dilation[0])
            at_x = np.float32(u * attrs.stride[1] - attrs.pad[2] + v % kw * attrs.dilation[1])
            s = _point(x[b, ch], at_y + offset[b, 2 * k, i, u], at_x + offset[b, 2 * k + 1, i, u]) * mask[b, k, i, u]
            group = ch // cg
            y[b, group * og : (group + 1) * og, i, u] += s * w[group * og : (group + 1) * og, ch % cg, v // kw, v % kw]
        return [y]

    def emit(self, call: Any) -> str:
        a, (n, c, h, w), (_, o, oh, ow) = call.attrs, call.ins[0].shape, call.outs[0].shape
        sizes = (n, c, h, w, o, oh, ow, *call.ins[1].shape[2:], *a.stride, a.pad[0], a.pad[2], *a.dilation)
        return call.run(
            "pz_deform_conv_f32", *(call.x(i) for i in range(5)), call.y(), *sizes, a.groups, a.offset_groups
        )


def _point(plane: np.ndarray, v: float, u: float) -> float:
    """Interpolated between four neighbours; zeros outside."""
    h, w = plane.shape
    a, b = int(np.floor(v)), int(np.floor(u))
    fv, fu = v - a, u - b
    total = np.float32(0)
    for i, j, k in (
        (a, b, (1 - fv) * (1 - fu)),
        (a, b + 1, (1 - fv) * fu),
        (a + 1, b, fv * (1 - fu)),
        (a + 1, b + 1, fv * fu),
    ):
        if 0 <= i < h and 0 <= j < w:
            total += plane[i, j] * np.float32(k)
    return float(total)


OP = DeformConv()
