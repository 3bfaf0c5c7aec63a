"""Machinery of pooling over windows of [N, H, W, C]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from picozoo.errors import Unsupported
from picozoo.ops._conv import pair, window_out
from picozoo.ops._op import Op, Rows, Types
from picozoo.ops._walk import Walk, windows
from picozoo.specs import Target, TensorType, added


@dataclass(frozen=True)
class PoolAttrs:
    """`count_pad`: an average divides by the whole window even where it hangs over the edge (PyTorch's default);
    `up`: int8 means round halves up, as those of uint8 do."""

    size: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    count_pad: bool = True
    up: bool = added(False)


def pool_reader(op: str) -> Any:
    """Reader of aten pooling over [N, C, H, W] or [N, C, L]."""

    def read(ctx: Any, x: Any, size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **kw: Any) -> Any:
        x = ctx.ref(x)
        shape = ctx.type(x).shape
        flat = len(shape) == 3
        if flat:
            x = ctx.reshape(x, (shape[0], shape[1], 1, shape[2]))

        def two(v: Any, fill: int) -> tuple[int, int]:
            return (fill, pair(v)[0]) if flat else pair(v)

        size = two(size, 1)
        stride = size if stride in (None, []) else two(stride, 1)
        ph, pw = two(padding, 0)
        if op == "max_pool2d":
            dilation, ceil_mode, count = (
                (rest[0] if rest else kw.get("dilation", 1)),
                (rest[1] if len(rest) > 1 else kw.get("ceil_mode", False)),
                True,
            )
            if pair(dilation) != (1, 1):
                raise Unsupported("max pooling with dilation is not supported; use dilation=1")
        else:
            ceil_mode, count = (
                (rest[0] if rest else kw.get("ceil_mode", False)),
                (rest[1] if len(rest) > 1 else kw.get("count_include_pad", True)),
            )
        pad = (ph, ph, pw, pw)
        if ceil_mode:
            raise Unsupported("pooling with ceil_mode=True is not supported; pad the input instead")
        y = ctx.to_first(ctx.emit(op, [ctx.to_last(x)], PoolAttrs(size, stride, pad, bool(count))))
        return ctx.reshape(y, ctx.out_shape)

    return read


def tflite_pool(op: str) -> Any:
    """Reader of TFLite pooling; what hangs over the edge never counts."""

    def read(ctx: Any) -> Any:
        x, size = ctx.ref(0), (ctx.options["height"], ctx.options["width"])
        if ctx.type(x).rank != 4:
            raise Unsupported(f"input {list(ctx.type(x).shape)} is not [N, H, W, C]")
        attrs = PoolAttrs(size, **ctx.window(x, size), count_pad=False, up=op == "avg_pool2d" and ctx.was_unsigned(0))
        return ctx.activated(ctx.emit(op, [x], attrs), ctx.act)

    return read


class Pool(Op):
    Attrs = PoolAttrs
    quant_rule = "same"
    monotone = True

    def infer(self, ins: Types, attrs: PoolAttrs) -> list[TensorType]:
        if ins[0].rank != 4:
            raise Unsupported(f"{self.name} takes [N, H, W, C], got {list(ins[0].shape)}")
        n, h, w, c = ins[0].shape
        t, b, left, right = attrs.pad
        if 2 * max(t, b) > attrs.size[0] or 2 * max(left, right) > attrs.size[1]:
            raise Unsupported(f"{self.name}: padding {attrs.pad} is more than half the window {attrs.size}")
        oh = window_out(h, attrs.size[0], attrs.stride[0], t, b)
        return [TensorType((n, oh, window_out(w, attrs.size[1], attrs.stride[1], left, right), c), ins[0].dtype)]

    def lowers(self, ins: Types, outs: Types, attrs: PoolAttrs) -> bool:
        return ins[0].dtype in ("i8", "i16") and ins[0].quant == outs[0].quant

    def inplace(self, ins: Types, outs: Types, attrs: PoolAttrs) -> tuple[int, ...]:
        # Output o is written after every input at or before its position was read for the last time: windows do not
        # overlap, nothing hangs over, and the output never runs ahead of the window it belongs to.
        plain = attrs.stride == attrs.size and attrs.pad == (0, 0, 0, 0)
        return (
            (0,)
            if plain and attrs.size[0] * attrs.size[1] > 1 and ins[0].shape[0] == 1 and attrs.size[0] <= ins[0].shape[1]
            else ()
        )

    def channelwise(self, ins: Types, outs: Types, attrs: PoolAttrs) -> bool:
        return True

    def rows(self, ins: Types, outs: Types, attrs: PoolAttrs) -> dict[int, Rows] | None:
        """What hangs over the upper or lower edge is no value, so that padding cannot be rows of some."""
        hangs = attrs.pad[0] or (outs[0].shape[1] - 1) * attrs.stride[0] + attrs.size[0] > ins[0].shape[1]
        return None if hangs or ins[0].shape[0] != 1 else {0: Rows(attrs.size[0], attrs.stride[0])}

    def at_rows(self, attrs: PoolAttrs, above: int, below: int) -> PoolAttrs:
        return replace(attrs, pad=(above, below, *attrs.pad[2:]))

    def walks(self, ins: Types, outs: Types, attrs: PoolAttrs, target: Target) -> tuple[Walk, ...]:
        size = ins[0].nbytes // max(ins[0].size, 1)
        where = (ins[0].shape, outs[0].shape, attrs.size, attrs.stride, attrs.pad)
        return (windows(*where, element=size, copied=False),)

    def window(self, call: Any) -> list[int]:
        """Shapes, window, steps and padding, in the order in which the C kernels take them."""
        a, (n, h, w, c), (_, oh, ow, _) = call.attrs, call.ins[0].shape, call.outs[0].shape
        return [n, h, w, c, oh, ow, *a.size, *a.stride, a.pad[0], a.pad[2]]
