"""Gradient of conv2d for its weights: gw[o, ky, kx, c] = sum over outputs of gy * the input the weight met there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import Conv2dAttrs, pair, patches, window_out
from picozoo.ops._op import Case, Op, Types
from picozoo.ops.conv2d_grad_x import Conv2dGradXAttrs
from picozoo.ops.sum import SumAttrs
from picozoo.ops.transpose import TransposeAttrs
from picozoo.specs import TensorType


@dataclass(frozen=True)
class Conv2dGradWAttrs(Conv2dAttrs):
    """`window`: height and width of the weights."""

    window: tuple[int, int] = (1, 1)


def _read(
    ctx: Any,
    gy: Any,
    x: Any,
    w: Any,
    _bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    _out: Any,
    groups: int,
    mask: Any,
) -> list[Any]:
    """convolution_backward: gradients of input, weights and bias, those of them that `mask` asks for."""
    gy, x, w = ctx.to_last(ctx.ref(gy)), ctx.ref(x), ctx.ref(w)
    shape, kernel = ctx.type(x).shape, ctx.type(w).shape
    if transposed or len(shape) != 4:
        raise Unsupported("gradients are there for two-dimensional convolutions that are not transposed")
    ph, pw = pair(padding)
    common = (pair(stride), (ph, ph, pw, pw), pair(dilation), groups)
    found: list[Any] = [None, None, None]
    if mask[0]:
        turned = ctx.emit("transpose", [w], TransposeAttrs((0, 2, 3, 1)))
        found[0] = ctx.to_first(ctx.emit("conv2d_grad_x", [gy, turned], Conv2dGradXAttrs(*common, size=shape[2:])))
    if mask[1]:
        attrs = Conv2dGradWAttrs(*common, window=kernel[2:])
        found[1] = ctx.to_first(ctx.emit("conv2d_grad_w", [gy, ctx.to_last(x)], attrs))
    if mask[2]:
        found[2] = ctx.emit("sum", [gy], SumAttrs((0, 1, 2), False, "f32"))
    return found


class Conv2dGradW(Op):
    name = "conv2d_grad_w"
    Attrs = Conv2dGradWAttrs
    aten = {"convolution_backward.default": _read}
    cases = (
        Case(
            (TensorType((1, 6, 2, 4)), TensorType((1, 6, 5, 3))),
            Conv2dGradWAttrs((1, 2), (1, 1, 1, 0), window=(3, 3)),
        ),
        Case((TensorType((2, 4, 4, 6)), TensorType((2, 5, 5, 4))), Conv2dGradWAttrs(groups=2, window=(2, 2))),
        Case((TensorType((1, 4, 4, 2)), TensorType((1, 8, 8, 2))), Conv2dGradWAttrs(dilation=(2, 2), window=(3, 3))),
    )

    def infer(self, ins: Types, attrs: Conv2dGradWAttrs) -> list[TensorType]:
        gy, x = ins
        if gy.rank != 4 or x.rank != 4 or x.shape[3] % attrs.groups or gy.shape[3] % attrs.groups:
            raise Unsupported(f"conv2d_grad_w: gradient {list(gy.shape)} does not fit input {list(x.shape)}")
        t, b, left, right = attrs.pad
        h = window_out(x.shape[1], attrs.window[0], attrs.stride[0], t, b, attrs.dilation[0])
        w = window_out(x.shape[2], attrs.window[1], attrs.stride[1], left, right, attrs.dilation[1])
        if gy.shape[:3] != (x.shape[0], h, w):
            raise Unsupported(f"conv2d_grad_w: gradient {list(gy.shape)} does not fit input {list(x.shape)}")
        return [TensorType((gy.shape[3], *attrs.window, x.shape[3] // attrs.groups))]

    def macs(self, ins: Types, outs: Types, attrs: Conv2dGradWAttrs) -> int:
        return ins[0].size * outs[0].size // outs[0].shape[0]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Conv2dGradWAttrs) -> list[np.ndarray]:
        gy, win = args[0], patches(args[1], *attrs.window, attrs, 0)
        o, c = gy.shape[3] // attrs.groups, win.shape[5] // attrs.groups
        parts = [
            np.tensordot(gy[..., g * o : (g + 1) * o], win[..., g * c : (g + 1) * c], ((0, 1, 2), (0, 1, 2)))
            for g in range(attrs.groups)
        ]
        return [np.concatenate(parts)]

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[1].shape, call.ins[0].shape
        sizes = [n, h, w, c, oh, ow, o, *a.window, *a.stride, a.pad[0], a.pad[2], *a.dilation, a.groups]
        return call.run("pz_conv2d_grad_w_f32", call.x(0), call.x(1), call.y(), *sizes)


OP = Conv2dGradW()
