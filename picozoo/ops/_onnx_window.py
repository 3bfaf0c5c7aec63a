"""Readers of ONNX nodes with sliding windows: convolution and pooling, channels-first as ONNX has them."""

from __future__ import annotations

from typing import Any

from picozoo.errors import BadFile, Unsupported
from picozoo.ops._onnx import Reader


def window(ctx: Any, spatial: tuple[int, ...], kernel: list[int]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Strides, dilations and padding before and after, in each dimension of a sliding window."""
    n = len(spatial)
    stride, dilation = ctx.attr("strides") or [1] * n, ctx.attr("dilations") or [1] * n
    pads = ctx.attr("pads") or [0] * 2 * n
    fits = len(kernel) == len(stride) == len(dilation) == n and len(pads) == 2 * n and n > 0
    if not fits or min(*stride, *dilation, *kernel) < 1:
        raise BadFile(f"window {kernel[:4]}, strides {stride[:4]}, dilations {dilation[:4]} over {list(spatial)}")
    if max(map(abs, (*pads, *kernel, *stride, *dilation))) > 1 << 20:
        raise BadFile(f"window {kernel[:4]} with padding {pads[:8]}")
    mode = ctx.attr("auto_pad", "NOTSET") or "NOTSET"
    before, after = pads[:n], pads[n:]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
            for size, k, s, d in zip(spatial, kernel, stride, dilation, strict=True)
        ]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    elif mode == "VALID":
        before, after = [0] * n, [0] * n
    elif mode != "NOTSET":
        raise BadFile(f"auto_pad {mode!r}")
    return stride, dilation, before, after


def three(v: Any, fill: int) -> tuple[int, int, int]:
    """Sizes of the last dimensions, those in front filled up."""
    v = [fill] * (3 - len(v)) + [int(n) for n in v]
    return (v[0], v[1], v[2])


def volume(ctx: Any, x: str) -> str:
    """[N, C, ...] -> [N, D, H, W, C] with leading dimensions of one."""
    n, c, *rest = ctx.shape(x)
    return str(ctx.transpose(ctx.reshape(x, (n, c, *three(rest, 1))), (0, 2, 3, 4, 1)))


def from_volume(ctx: Any, y: str, rank: int) -> str:
    """The other way round; `rank` as the node has it."""
    n, d, h, w, c = ctx.shape(y)
    rest = (d, h, w)[5 - rank :]
    return str(ctx.reshape(ctx.transpose(y, (0, 4, 1, 2, 3)), (n, c, *rest)))


def conv(ctx: Any, x: str, w: str, bias: str | None) -> str:
    """Channels-first in and out; the layout pass removes the transposes that it can."""
    sx, sw = ctx.shape(x), ctx.shape(w)
    rank = len(sx)
    if rank not in (3, 4, 5) or len(sw) != rank:
        raise Unsupported(f"convolution of {list(sx)} with weights {list(sw)}")
    kernel = ctx.attr("kernel_shape") or list(sw[2:])
    if list(kernel) != list(sw[2:]):
        raise BadFile(f"kernel_shape {kernel[:4]} of weights {list(sw)}")
    stride, dilation, before, after = window(ctx, sx[2:], list(sw[2:]))
    groups = ctx.attr("group", 1)
    if rank == 5 or ctx.type(x).dtype == "i32":
        o, c, *size = sw
        w = ctx.transpose(ctx.reshape(w, (o, c, *three(size, 1))), (0, 2, 3, 4, 1))
        refs = [volume(ctx, x), w, *([bias] if bias else [])]
        attrs = ctx.attrs_of("conv3d")(three(stride, 1), three(before, 0), three(after, 0), three(dilation, 1), groups)
        return from_volume(ctx, ctx.emit("conv3d", refs, attrs), rank)
    if rank == 3:
        x, w = ctx.reshape(x, (*sx[:2], 1, sx[2])), ctx.reshape(w, (*sw[:2], 1, sw[2]))
        stride, dilation, before, after = [1, *stride], [1, *dilation], [0, *before], [0, *after]
    if min(*before, *after) < 0:
        raise Unsupported("negative padding")
    refs = [ctx.transpose(x, (0, 2, 3, 1)), ctx.turned(w, (0, 2, 3, 1)), *([bias] if bias else [])]
    pad = (before[0], after[0], before[1], after[1])
    y = ctx.emit(
        "conv2d", refs, ctx.attrs_of("conv2d")((stride[0], stride[1]), pad, (dilation[0], dilation[1]), groups)
    )
    y = ctx.transpose(y, (0, 3, 1, 2))
    return str(ctx.reshape(y, (*ctx.shape(y)[:2], ctx.shape(y)[3]))) if rank == 3 else str(y)


def conv_reader(ctx: Any) -> str:
    """Conv: image or volume, weights, bias."""
    return conv(ctx, ctx.ref(0), ctx.ref(1), ctx.ref(2) if ctx.has(2) else None)


def pool(kind: str) -> Reader:
    """Largest, mean or norm ("max", "avg", "lp") of a sliding window; the 2-D operators where they can."""

    def read(ctx: Any) -> Any:
        x = ctx.plain(ctx.ref(0)) if kind != "max" else ctx.ref(0)
        sx, kernel = ctx.shape(x), ctx.attr("kernel_shape") or []
        n = len(sx) - 2
        stride, dilation, before, after = window(ctx, sx[2:], kernel)
        ceil, count = bool(ctx.attr("ceil_mode", 0)), bool(ctx.attr("count_include_pad", 0))
        if n not in (1, 2, 3):
            raise Unsupported(f"pooling of {list(sx)}")
        t = ctx.type(x)
        half = all(2 * max(a, b) <= k for a, b, k in zip(before, after, kernel, strict=True))
        plain = not ceil and set(dilation) == {1} and half and n < 3 and t.dtype in ("f32", "i8") and not ctx.wants(1)
        if plain and kind in ("max", "avg") and (kind == "max" or t.is_float):
            size, step = (
                ((1, kernel[0]), (1, stride[0])) if n == 1 else ((kernel[0], kernel[1]), (stride[0], stride[1]))
            )
            pad = (0, 0, before[0], after[0]) if n == 1 else (before[0], after[0], before[1], after[1])
            y = ctx.transpose(ctx.reshape(x, (*sx[:2], 1, sx[2]) if n == 1 else sx), (0, 2, 3, 1))
            y = ctx.emit(f"{kind}_pool2d", [y], ctx.attrs_of("max_pool2d")(size, step, pad, count))
            y = ctx.transpose(y, (0, 3, 1, 2))
            return ctx.reshape(y, (*sx[:2], ctx.shape(y)[3])) if n == 1 else y
        p = int(ctx.attr("p", 2))
        sides = zip(sx[2:], kernel, stride, dilation, before, after, strict=True)
        out = [_out_size(size, k, s, d, a, b, ceil) for size, k, s, d, a, b in sides]
        attrs = ctx.attrs_of("pool_nd")(
            kind,
            three(kernel, 1),
            three(stride, 1),
            three(before, 0),
            three(after, 0),
            three(dilation, 1),
            three(out, 1),
            count,
            p,
            ctx.wants(1),
            bool(ctx.attr("storage_order", 0)),
        )
        made = ctx.emit("pool_nd", [ctx.reshape(ctx.plain(x), (*sx[:2], *three(sx[2:], 1)))], attrs)
        shape = (*sx[:2], *out)
        if ctx.wants(1):
            return [ctx.reshape(made[0], shape), ctx.reshape(made[1], shape)]
        return ctx.reshape(made, shape)

    return read


def _out_size(size: int, k: int, s: int, d: int, before: int, after: int, ceil: bool) -> int:
    span = size + before + after - (k - 1) * d - 1
    if span < 0:
        raise Unsupported(f"a window of {k} with dilation {d} does not fit in {size} + {before + after} of padding")
    n = (-(-span // s) if ceil else span // s) + 1
    return n - 1 if ceil and (n - 1) * s >= size + before else n
