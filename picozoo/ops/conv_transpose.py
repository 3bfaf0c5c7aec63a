"""Transposed convolution in float over one to three dimensions, with groups, dilation and an optional clamp.

x [N, D, H, W, C], weights [O, KD, KH, KW, C / groups], y [N, OD, OH, OW, O]: input (z, y, x) adds to outputs
z * stride - before + k * dilation. With fewer dimensions the first ones have size one, or all three tensors lack D.
The pass `subpixel` makes ordinary convolutions of those over images, which is also how they become int8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._onnx_window import from_volume, three, volume
from picozoo.ops._op import Case, Op, Types
from picozoo.ops.linear import clip_act, float_bounds
from picozoo.ops.transpose import TransposeAttrs
from picozoo.specs import TensorType, added

Three = tuple[int, int, int]


@dataclass(frozen=True)
class ConvTransposeAttrs:
    """All for depth, height and width; `out` is the output's size."""

    stride: Three = (1, 1, 1)
    before: Three = (0, 0, 0)
    dilation: Three = (1, 1, 1)
    out: Three = (1, 1, 1)
    groups: int = 1
    act: str = added("none")


def read(
    ctx: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, pad: Any = 0, _out: Any = 0, groups: int = 1, gap: Any = 1
) -> Any:
    """PyTorch's transposed convolutions: x [N, C, ...], weights [C, O / groups, ...]; channels last in between."""
    x, w = ctx.ref(x), ctx.ref(w)
    (n, c, *size), (_, og, *kernel) = ctx.type(x).shape, ctx.type(w).shape
    if len(size) != len(kernel):
        raise Unsupported(f"input {[n, c, *size]} of weights {list(ctx.type(w).shape)}; give it a batch dimension")
    out = [1] * (3 - len(size)) + list(ctx.out_shape[2:])
    attrs = ConvTransposeAttrs(
        _three(stride, len(size), 1), _three(pad, len(size), 0), _three(gap, len(size), 1), _three(out, 3, 1), groups
    )
    size, kernel = ([1, *v] if len(v) == 1 else v for v in (size, kernel))
    last = (0, *range(2, len(size) + 2), 1)
    w = ctx.reshape(w, (groups, c // groups, og, *kernel))
    w = ctx.emit("transpose", [w], TransposeAttrs((0, 2, *range(3, len(kernel) + 3), 1)))
    refs = [
        ctx.emit("transpose", [ctx.reshape(x, (n, c, *size))], TransposeAttrs(last)),
        ctx.reshape(w, (groups * og, *kernel, c // groups)),
        *([] if b is None else [ctx.ref(b)]),
    ]
    y = ctx.emit("conv_transpose", refs, attrs)
    first = (0, len(size) + 1, *range(1, len(size) + 1))
    return ctx.reshape(ctx.emit("transpose", [y], TransposeAttrs(first)), ctx.out_shape)


def _three(v: Any, n: int, fill: int) -> Three:
    """PyTorch gives one number for all dimensions, or one for each of the n."""
    v = [int(k) for k in ([v] if isinstance(v, int) else v)]
    v = v * n if len(v) == 1 else v
    v = [fill] * (3 - n) + v
    return (v[0], v[1], v[2])


def deep(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of x, weights or y with a depth, which images lack.

    Example:
        >>> deep((1, 7, 7, 3))
        (1, 1, 7, 7, 3)
    """
    return shape if len(shape) == 5 else (shape[0], 1, *shape[1:])


def _onnx(ctx: Any) -> str:
    x, w = ctx.ref(0), ctx.ref(1)
    sx, sw = ctx.shape(x), ctx.shape(w)
    n = len(sx) - 2
    if n not in (1, 2, 3) or len(sw) != n + 2:
        raise Unsupported(f"transposed convolution of {list(sx)} with weights {list(sw)}")
    kernel = list(sw[2:])
    stride, dilation = ctx.attr("strides") or [1] * n, ctx.attr("dilations") or [1] * n
    extra, pads = ctx.attr("output_padding") or [0] * n, ctx.attr("pads") or [0] * 2 * n
    mode, shape = ctx.attr("auto_pad", "NOTSET") or "NOTSET", ctx.attr("output_shape")
    full = [
        (i - 1) * s + e + (k - 1) * d + 1 for i, s, e, k, d in zip(sx[2:], stride, extra, kernel, dilation, strict=True)
    ]
    if shape or mode.startswith("SAME"):
        out = list(shape[-n:]) if shape else [i * s for i, s in zip(sx[2:], stride, strict=True)]
        total = [f - o for f, o in zip(full, out, strict=True)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        before = small if mode == "SAME_UPPER" else large
    else:
        before = pads[:n]
        out = [f - a - b for f, a, b in zip(full, before, pads[n:], strict=True)]
    if min(out) < 1 or max(out) > 1 << 24:
        raise BadFile(f"output of size {out}")
    g = ctx.attr("group", 1)
    sizes = three(out, 1)
    attrs = ConvTransposeAttrs(three(stride, 1), three(before, 0), three(dilation, 1), sizes, g)
    w = _turned(ctx, w, g)
    refs = [volume(ctx, x), w, *([ctx.ref(2)] if ctx.has(2) else [])]
    return from_volume(ctx, ctx.emit("conv_transpose", refs, attrs), n + 2)


def _turned(ctx: Any, w: str, groups: int) -> str:
    """[I, O / g, ...] -> [O, D, H, W, I / g]."""
    i, og, *rest = ctx.shape(w)
    w = ctx.reshape(w, (groups, i // groups, og, *three(rest, 1)))
    w = ctx.transpose(w, (0, 2, 3, 4, 5, 1))
    return str(ctx.reshape(w, (groups * og, *three(rest, 1), i // groups)))


class ConvTranspose(Op):
    name = "conv_transpose"
    Attrs = ConvTransposeAttrs
    onnx = {"ConvTranspose": _onnx}
    flash_inputs = (1, 2)
    aten = {f"conv_transpose{n}": read for n in ("1d.default", "2d.input", "3d.input")}
    cases = (
        Case(
            (TensorType((1, 1, 3, 4, 2)), TensorType((3, 1, 3, 2, 2)), TensorType((3,))),
            ConvTransposeAttrs((1, 2, 3), (0, 1, 0), (1, 1, 1), (1, 6, 11)),
            constants=(1, 2),
        ),
        Case(
            (TensorType((2, 2, 3, 2, 4)), TensorType((4, 2, 2, 2, 2))),
            ConvTransposeAttrs((1, 1, 1), (0, 0, 0), (1, 2, 1), (3, 5, 3), 2),
            constants=(1,),
        ),
        Case(
            (TensorType((2, 3, 4, 2)), TensorType((3, 4, 4, 2)), TensorType((3,))),
            ConvTransposeAttrs((1, 2, 2), (0, 1, 1), (1, 1, 1), (1, 6, 8), act="relu"),
            constants=(1, 2),
        ),
    )

    def infer(self, ins: Types, attrs: ConvTransposeAttrs) -> list[TensorType]:
        x, w, g = ins[0], ins[1], attrs.groups
        ranks = x.rank == w.rank and x.rank in (4, 5)
        if not ranks or g < 1 or x.shape[-1] != w.shape[-1] * g or w.shape[0] % g or x.dtype != "f32":
            raise Unsupported(f"conv_transpose: input {list(x.shape)} does not fit {list(w.shape)} in {g} groups")
        if len(ins) > 2 and ins[2].shape != (w.shape[0],):
            raise Unsupported(f"conv_transpose: bias {list(ins[2].shape)} does not fit weights {list(w.shape)}")
        if min(*attrs.out, *attrs.stride, *attrs.dilation) < 1 or (x.rank == 4 and attrs.out[0] != 1):
            raise Unsupported(f"conv_transpose: output {attrs.out}, strides {attrs.stride}, dilation {attrs.dilation}")
        return [TensorType((x.shape[0], *attrs.out[5 - x.rank :], w.shape[0]), "f32")]

    def macs(self, ins: Types, outs: Types, attrs: ConvTransposeAttrs) -> int:
        return ins[0].size * (ins[1].size // ins[1].shape[-1]) // attrs.groups

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ConvTransposeAttrs) -> list[np.ndarray]:
        x, w = (a.reshape(deep(a.shape)) for a in args[:2])
        y, g = np.zeros(deep(outs[0].shape), np.float32), attrs.groups
        c, og = w.shape[4], w.shape[0] // g
        for k in np.ndindex(*w.shape[1:4]):
            for at in np.ndindex(*x.shape[1:4]):
                to = tuple(
                    a * s - p + i * d
                    for a, s, p, i, d in zip(at, attrs.stride, attrs.before, k, attrs.dilation, strict=True)
                )
                if any(not 0 <= t < n for t, n in zip(to, attrs.out, strict=True)):
                    continue
                for j in range(g):
                    mine = w[(slice(j * og, (j + 1) * og), *k)]
                    y[(slice(None), *to, slice(j * og, (j + 1) * og))] += (
                        x[(slice(None), *at, slice(j * c, (j + 1) * c))] @ mine.T
                    )
        y = y.reshape(outs[0].shape)
        return [clip_act(y + args[2] if len(args) > 2 else y, attrs.act)]

    def emit(self, call: Any) -> str:
        a, (n, d, h, w, c), (_, od, oh, ow, o) = call.attrs, deep(call.ins[0].shape), deep(call.outs[0].shape)
        bias = call.x(2) if len(call.ins) > 2 else call.table("bias", np.zeros(o, np.float32))
        sizes = (n, d, h, w, c, od, oh, ow, o, *deep(call.ins[1].shape)[1:4], *a.stride, *a.before, *a.dilation)
        where = (call.x(0), call.x(1), bias, call.y())
        return call.run("pz_conv_transpose_f32", *where, *sizes, a.groups, *float_bounds(call))


OP = ConvTranspose()
