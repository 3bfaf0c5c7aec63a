"""Gradient of conv2d for its input: every output hands its gradient back along the weights it was made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import Conv2dAttrs, pair, window_out
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class Conv2dGradXAttrs(Conv2dAttrs):
    """`size`: height and width of the input."""

    size: tuple[int, int] = (1, 1)


def _spread(ctx: Any, gy: Any, x: Any, size: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]) -> Any:
    """Gradient of an average over windows: that of a depthwise convolution with equal weights."""
    gy, (_, c, h, w) = ctx.to_last(ctx.ref(gy)), ctx.type(ctx.ref(x)).shape
    weights = ctx.const(np.full((c, *size, 1), 1 / (size[0] * size[1]), np.float32), "average")
    attrs = Conv2dGradXAttrs(stride, (pad[0], pad[0], pad[1], pad[1]), groups=c, size=(h, w))
    return ctx.to_first(ctx.emit("conv2d_grad_x", [gy, weights], attrs))


def _avg_pool(
    ctx: Any, gy: Any, x: Any, size: Any, stride: Any, padding: Any, ceil_mode: bool, count_pad: bool, divisor: Any
) -> Any:
    (ph, pw), size = pair(padding), pair(size)
    if ceil_mode or divisor is not None or (not count_pad and (ph or pw)) or ctx.type(ctx.ref(x)).rank != 4:
        raise Unsupported("the gradient of average pooling is there for whole windows of [N, C, H, W] only")
    return _spread(ctx, gy, x, size, pair(stride) if stride else size, (ph, pw))


def _adaptive_avg_pool(ctx: Any, gy: Any, x: Any) -> Any:
    (h, w), (oh, ow) = ctx.type(ctx.ref(x)).shape[2:], ctx.type(ctx.ref(gy)).shape[2:]
    if h % oh or w % ow:
        raise Unsupported(f"the gradient of adaptive pooling from {[h, w]} to {[oh, ow]} needs whole windows")
    return _spread(ctx, gy, x, (h // oh, w // ow), (h // oh, w // ow), (0, 0))


class Conv2dGradX(Op):
    name = "conv2d_grad_x"
    Attrs = Conv2dGradXAttrs
    aten = {
        "avg_pool2d_backward.default": _avg_pool,
        "_adaptive_avg_pool2d_backward.default": _adaptive_avg_pool,
    }
    cases = (
        Case(
            (TensorType((1, 6, 2, 4)), TensorType((4, 3, 3, 3))),
            Conv2dGradXAttrs((1, 2), (1, 1, 1, 0), size=(6, 5)),
        ),
        Case((TensorType((2, 4, 4, 6)), TensorType((6, 2, 2, 2))), Conv2dGradXAttrs(groups=2, size=(5, 5))),
        Case((TensorType((1, 4, 4, 2)), TensorType((2, 3, 3, 2))), Conv2dGradXAttrs(dilation=(2, 2), size=(8, 8))),
    )

    def infer(self, ins: Types, attrs: Conv2dGradXAttrs) -> list[TensorType]:
        gy, w = ins
        if gy.rank != 4 or w.rank != 4 or gy.shape[3] != w.shape[0]:
            raise Unsupported(f"conv2d_grad_x: gradient {list(gy.shape)} does not fit weights {list(w.shape)}")
        t, b, left, right = attrs.pad
        h = window_out(attrs.size[0], w.shape[1], attrs.stride[0], t, b, attrs.dilation[0])
        wide = window_out(attrs.size[1], w.shape[2], attrs.stride[1], left, right, attrs.dilation[1])
        if gy.shape[1:3] != (h, wide):
            raise Unsupported(f"conv2d_grad_x: gradient {list(gy.shape)} does not fit an input of {list(attrs.size)}")
        return [TensorType((gy.shape[0], *attrs.size, w.shape[3] * attrs.groups))]

    def macs(self, ins: Types, outs: Types, attrs: Conv2dGradXAttrs) -> int:
        return ins[0].size * ins[1].size // ins[1].shape[0]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Conv2dGradXAttrs) -> list[np.ndarray]:
        gy, w = args
        (t, b, left, right), (sh, sw), (dh, dw) = attrs.pad, attrs.stride, attrs.dilation
        n, h, wide, c = outs[0].shape
        back = np.zeros((n, h + t + b, wide + left + right, c), np.float32)
        o, part = w.shape[0] // attrs.groups, w.shape[3]
        oh, ow = gy.shape[1:3]
        for g in range(attrs.groups):
            for ky in range(w.shape[1]):
                for kx in range(w.shape[2]):
                    rows = slice(ky * dh, ky * dh + (oh - 1) * sh + 1, sh)
                    columns = slice(kx * dw, kx * dw + (ow - 1) * sw + 1, sw)
                    back[:, rows, columns, g * part : (g + 1) * part] += (
                        gy[..., g * o : (g + 1) * o] @ w[g * o : (g + 1) * o, ky, kx]
                    )
        return [back[:, t : t + h, left : left + wide]]

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.outs[0].shape, call.ins[0].shape
        sizes = [n, h, w, c, oh, ow, o, *call.ins[1].shape[1:3], *a.stride, a.pad[0], a.pad[2], *a.dilation, a.groups]
        return call.run("pz_conv2d_grad_x_f32", call.x(0), call.x(1), call.y(), *sizes)


OP = Conv2dGradX()
