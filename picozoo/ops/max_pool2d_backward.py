"""Gradient of max_pool2d: each window hands its gradient to its largest element, the first of equals. [N, H, W, C]."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import pair
from picozoo.ops._op import Case, Types
from picozoo.ops._pool import Pool, PoolAttrs
from picozoo.ops._walk import Walk
from picozoo.specs import Target, TensorType


def _read(
    ctx: Any, gy: Any, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, _indices: Any
) -> Any:
    if pair(dilation) != (1, 1) or ceil_mode or ctx.type(ctx.ref(x)).rank != 4:
        raise Unsupported("the gradient of max pooling takes [N, C, H, W] without dilation or ceil_mode")
    (ph, pw), size = pair(padding), pair(size)
    attrs = PoolAttrs(size, pair(stride) if stride else size, (ph, ph, pw, pw))
    return ctx.to_first(ctx.emit("max_pool2d_backward", [ctx.to_last(ctx.ref(gy)), ctx.to_last(ctx.ref(x))], attrs))


class MaxPool2dBackward(Pool):
    name = "max_pool2d_backward"
    quant_rule = "none"
    aten = {"max_pool2d_with_indices_backward.default": _read}
    cases = (
        Case((TensorType((1, 3, 2, 3)), TensorType((1, 6, 5, 3))), PoolAttrs()),
        Case((TensorType((2, 3, 5, 2)), TensorType((2, 5, 5, 2))), PoolAttrs((3, 3), (2, 1), (1, 1, 1, 1))),
    )

    def infer(self, ins: Types, attrs: PoolAttrs) -> list[TensorType]:
        gy, x = ins
        if super().infer([x], attrs)[0].shape != gy.shape or not x.is_float or not gy.is_float:
            raise Unsupported(f"max_pool2d_backward: gradient {list(gy.shape)} does not fit input {list(x.shape)}")
        return [x]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: PoolAttrs) -> list[np.ndarray]:
        gy, x = args
        t, b, left, right = attrs.pad
        (kh, kw), (sh, sw) = attrs.size, attrs.stride
        wide = np.pad(x, ((0, 0), (t, b), (left, right), (0, 0)), constant_values=-np.inf)
        back = np.zeros(wide.shape, np.float32)
        n, c = np.ogrid[: x.shape[0], : x.shape[3]]
        for oy in range(gy.shape[1]):
            for ox in range(gy.shape[2]):
                window = wide[:, oy * sh : oy * sh + kh, ox * sw : ox * sw + kw].reshape(x.shape[0], -1, x.shape[3])
                best = window.argmax(1)
                back[n, oy * sh + best // kw, ox * sw + best % kw, c] += gy[:, oy, ox]
        return [back[:, t : t + x.shape[1], left : left + x.shape[2]]]

    def inplace(self, ins: Types, outs: Types, attrs: PoolAttrs) -> tuple[int, ...]:
        return ()

    def walks(self, ins: Types, outs: Types, attrs: PoolAttrs, target: Target) -> tuple[Walk, ...]:
        return ()  # the output is cleared first

    def permute(self, attrs: Any, ins: Types, perm: tuple[int, ...]) -> Any | None:
        return None

    def emit(self, call: Any) -> str:
        a, (n, h, w, c), (_, oh, ow, _) = call.attrs, call.ins[1].shape, call.ins[0].shape
        sizes = [n, h, w, c, oh, ow, *a.size, *a.stride, a.pad[0], a.pad[2]]
        return call.run("pz_max_pool2d_backward_f32", call.x(0), call.x(1), call.y(), *sizes)


OP = MaxPool2dBackward()
