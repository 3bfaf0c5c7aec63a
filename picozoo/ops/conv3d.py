"""Three-dimensional convolution with groups and dilation, in float or in int32 that wraps around.

x [N, D, H, W, C], weights [O, KD, KH, KW, C / groups].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._conv import window_out
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType

Three = tuple[int, int, int]


@dataclass(frozen=True)
class Conv3dAttrs:
    """All for depth, height and width."""

    stride: Three = (1, 1, 1)
    before: Three = (0, 0, 0)
    after: Three = (0, 0, 0)
    dilation: Three = (1, 1, 1)
    groups: int = 1


class Conv3d(Op):
    name = "conv3d"
    Attrs = Conv3dAttrs
    flash_inputs = (1, 2)
    cases = (
        Case(
            (TensorType((1, 4, 5, 3, 2)), TensorType((3, 2, 3, 2, 2)), TensorType((3,))),
            Conv3dAttrs((1, 2, 1), (0, 1, 1), (1, 1, 0)),
            constants=(1, 2),
        ),
        Case(
            (TensorType((1, 1, 5, 5, 2), "i32"), TensorType((2, 1, 3, 2, 1), "i32")),
            Conv3dAttrs(before=(0, 1, 0), groups=2),
            low=-900,
            high=900,
        ),
        Case((TensorType((2, 3, 3, 3, 4)), TensorType((4, 2, 2, 2, 2))), Conv3dAttrs(groups=2), constants=(1,)),
    )

    def infer(self, ins: Types, attrs: Conv3dAttrs) -> list[TensorType]:
        x, w = ins[0], ins[1]
        g = attrs.groups
        if x.rank != 5 or w.rank != 5 or g < 1 or x.shape[4] != w.shape[4] * g or w.shape[0] % g:
            raise Unsupported(f"conv3d: input {list(x.shape)} does not fit weights {list(w.shape)} in {g} groups")
        if len(ins) > 2 and ins[2].shape != (w.shape[0],):
            raise Unsupported(f"conv3d: bias {list(ins[2].shape)} does not fit weights {list(w.shape)}")
        if x.dtype not in ("f32", "i32") or any(t.dtype != x.dtype for t in ins):
            raise Unsupported(f"conv3d takes f32 or i32, got {', '.join(t.dtype for t in ins)}")
        sides = zip(x.shape[1:4], w.shape[1:4], attrs.stride, attrs.before, attrs.after, attrs.dilation, strict=True)
        return [TensorType((x.shape[0], *(window_out(*s) for s in sides), w.shape[0]), x.dtype)]

    def macs(self, ins: Types, outs: Types, attrs: Conv3dAttrs) -> int:
        return outs[0].size * (ins[1].size // ins[1].shape[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Conv3dAttrs) -> list[np.ndarray]:
        x, w = args[0], args[1]
        x = np.pad(x, ((0, 0), *zip(attrs.before, attrs.after, strict=True), (0, 0)))
        y = np.zeros(outs[0].shape, x.dtype)
        (_, d, h, wd, o), g = outs[0].shape, attrs.groups
        c, og = w.shape[4], o // g
        for k in np.ndindex(*w.shape[1:4]):
            at = tuple(
                slice(i * a, i * a + (n - 1) * s + 1, s)
                for i, a, n, s in zip(k, attrs.dilation, (d, h, wd), attrs.stride, strict=True)
            )
            part = x[(slice(None), *at)]
            for j in range(g):
                mine = w[(slice(j * og, (j + 1) * og), *k)]
                y[..., j * og : (j + 1) * og] += part[..., j * c : (j + 1) * c] @ mine.T
        return [y + args[2] if len(args) > 2 else y]

    def emit(self, call: Any) -> str:
        a, (n, d, h, w, c), (_, od, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
        bias = call.x(2) if len(call.ins) > 2 else call.table("bias", np.zeros(o, call.outs[0].numpy))
        sizes = (n, d, h, w, c, od, oh, ow, o, *call.ins[1].shape[1:4], *a.stride, *a.before, *a.dilation, a.groups)
        return call.run(f"pz_conv3d_{call.ins[0].dtype}", call.x(0), call.x(1), bias, call.y(), *sizes)


OP = Conv3d()
