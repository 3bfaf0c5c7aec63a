"""Machinery of pooling over windows of [N, H, W, C]."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from picozoo.errors import Unsupported
from picozoo.ops._conv import window_out
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


def pool_reader(op: str, n: int = 2, places: bool = False) -> Any:
    """Reader of aten pooling over the last n dimensions; `places`: the second output is where the largest stood."""
    names = ("dilation", "ceil_mode") if op == "max_pool2d" else ("ceil_mode", "count_include_pad", "divisor_override")

    def read(ctx: Any, x: Any, size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **kw: Any) -> Any:
        more = dict(zip(names, rest, strict=False)) | kw
        x = ctx.ref(x)
        shape = ctx.type(x).shape
        if len(shape) == n + 1:  # one image without a batch
            x = ctx.reshape(x, (1, *shape))
        size, before = _times(size, n), _times(padding, n)
        step, spread = _times(stride or size, n), _times(more.get("dilation") or 1, n)
        count, divisor = bool(more.get("count_include_pad", True)), more.get("divisor_override")
        after = list(before)
        if more.get("ceil_mode"):
            whole = ctx.out_shape[-n:]
            have = ctx.type(x).shape[2:]
            ends = [(m - 1) * s + (k - 1) * d + 1 for m, s, k, d in zip(whole, step, size, spread, strict=True)]
            after = [max(b, end - b - i) for b, end, i in zip(before, ends, have, strict=True)]
            count = count and any(before)  # what hangs over beyond the padding never counts
        half = all(2 * max(a, b) <= k for a, b, k in zip(before, after, size, strict=True))
        uneven = op == "avg_pool2d" and count and before != after
        wants = places and ctx.read_later(1)
        if n == 3 or not half or uneven or wants or set(spread) != {1} or divisor:
            return _general(ctx, op, x, size, step, before, spread, bool(more.get("ceil_mode")), count, divisor, wants)
        if n == 1:
            many, c, h = ctx.type(x).shape
            x = ctx.reshape(x, (many, c, 1, h))
            size, step, before, after = [1, *size], [1, *step], [0, *before], [0, *after]
        pad = (before[0], after[0], before[1], after[1])
        y = ctx.to_first(ctx.emit(op, [ctx.to_last(x)], PoolAttrs((size[0], size[1]), (step[0], step[1]), pad, count)))
        y = ctx.reshape(y, ctx.out_shape)
        return [y, None] if places else y

    return read


def _times(v: Any, n: int) -> list[int]:
    """PyTorch gives one number for all dimensions, or a list."""
    given = [v] if isinstance(v, int) else list(v)
    return given * n if len(given) == 1 else given


def _general(
    ctx: Any, op: str, x: str, size: Any, step: Any, pad: Any, spread: Any, ceil: bool, count: bool, divisor: Any,
    places: bool,
) -> Any:  # fmt: skip
    """Any window, in up to three dimensions."""
    named = {"kernel_shape": list(size), "strides": list(step), "pads": [*pad, *pad], "ceil_mode": int(ceil)}
    if op == "max_pool2d":
        made = ctx.as_node("MaxPool", [x], 2 if places else 1, dilations=list(spread), **named)
        if not places:
            return ctx.reshape(made, ctx.out_shape)
        plane = ctx.ref(prod(ctx.type(x).shape[2:]), "i64")  # PyTorch counts the places in each plane
        made = [made[0], ctx.emit("mod", [made[1], plane])]
        return [ctx.reshape(m, ctx.out_shape) for m in made]
    if divisor:
        y = ctx.as_node("AveragePool", [x], count_include_pad=1, **(named | {"ceil_mode": 0}))
        if ceil and ctx.type(y).size != prod(ctx.out_shape):
            raise Unsupported("pooling with divisor_override and ceil_mode; use one of them")
        y = ctx.emit("mul", [y, ctx.ref(prod(size) / divisor, "f32")])
    else:
        y = ctx.as_node("AveragePool", [x], count_include_pad=int(count), **named)
    return ctx.reshape(y, ctx.out_shape)


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
