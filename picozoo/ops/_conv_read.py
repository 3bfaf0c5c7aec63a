"""Readers of convolutions in PyTorch's and TFLite's terms. `ctx` is the importer's context."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import conv_transpose
from picozoo.ops._conv import Conv2dAttrs, pair
from picozoo.specs import QuantParams, TensorType


def aten_conv2d(
    ctx: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """PyTorch's two-dimensional convolution, channels first."""
    turned = _channels_last(ctx, w)
    (kh, kw), (dh, dw) = ctx.type(turned).shape[1:3], pair(dilation)
    if padding == "same":
        th, tw = (kh - 1) * dh, (kw - 1) * dw
        pad = (th // 2, th - th // 2, tw // 2, tw - tw // 2)
    else:
        ph, pw = pair(0 if padding == "valid" else padding)
        pad = (ph, ph, pw, pw)
    refs = [ctx.to_last(ctx.ref(x)), turned]
    if b is not None:
        refs.append(ctx.ref(b))
    return ctx.to_first(ctx.emit("conv2d", refs, Conv2dAttrs(pair(stride), pad, (dh, dw), groups)))


def _channels_last(ctx: Any, w: Any) -> str:
    """Weights [O, C, KH, KW] as [O, KH, KW, C]: a constant, or turned in each call where they are kept state."""
    ref = ctx.ref(w) if ctx.changes(w) else ""
    if ref and ctx.type(ref).rank == 4:
        return str(ctx.to_last(ref))
    weights = ctx.array(w, "convolution weights")
    weights = weights[:, :, None] if weights.ndim == 3 else weights  # one-dimensional: a window of height one
    return str(ctx.const(weights.transpose(0, 2, 3, 1), ctx.hint(w)))


def _one(v: Any) -> int:
    """PyTorch gives a number, or a list of one."""
    return int(v if isinstance(v, int) else v[0])


def aten_conv1d(
    ctx: Any, x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """PyTorch's one-dimensional convolution, as one over an image of height 1."""
    x = ctx.ref(x)
    n, c, length = ctx.type(x).shape
    padding = padding if isinstance(padding, str) else (0, _one(padding))
    y = aten_conv2d(
        ctx,
        ctx.reshape(x, (n, c, 1, length)),
        w,
        b,
        (1, _one(stride)),
        padding,
        (1, _one(dilation)),
        groups,
    )
    return ctx.reshape(y, ctx.out_shape)


def aten_convolution(
    ctx: Any, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, more: Any, groups: int
) -> Any:
    """PyTorch's general convolution, which may be one- or two-dimensional, or transposed."""
    if transposed:
        return conv_transpose.read(ctx, x, w, b, stride, padding, more, groups, dilation)
    if len(ctx.out_shape) == 5:
        return ctx.read("conv3d.default", x, w, b, stride, padding, dilation, groups)
    read = aten_conv1d if len(ctx.out_shape) == 3 else aten_conv2d
    return read(ctx, x, w, b, stride, padding, dilation, groups)


def _tflite_attrs(ctx: Any, x: str, size: tuple[int, int], groups: int) -> tuple[Conv2dAttrs, str]:
    """Attributes from the file's options, and the activation that is left over."""
    dilation = (ctx.options["dilation_h"], ctx.options["dilation_w"])
    act = ctx.act if ctx.act in ("none", "relu", "relu6") else "none"
    window = ctx.window(x, size, dilation)
    attrs = Conv2dAttrs(**window, dilation=dilation, groups=groups, act=act)
    return attrs, "none" if act == ctx.act else ctx.act


def tflite_conv(ctx: Any) -> Any:
    """CONV_2D of TFLite; fewer input channels in the weights than in the image mean groups."""
    x, w = ctx.ref(0), ctx.ref(1)
    c, shape = ctx.type(x).shape[-1], ctx.type(w).shape
    if ctx.type(x).rank != 4 or len(shape) != 4 or not shape[3] or c % shape[3]:
        raise Unsupported(f"input {list(ctx.type(x).shape)} does not fit weights {list(shape)}")
    attrs, rest = _tflite_attrs(ctx, x, shape[1:3], c // shape[3])
    return ctx.activated(layer(ctx, x, w, attrs), rest)


def tflite_depthwise(ctx: Any) -> Any:
    """Weights are [1, KH, KW, O]; output o belongs to input channel o / multiplier."""
    x, w = ctx.ref(0), ctx.array(1, "depthwise weights")
    c, t = ctx.type(x).shape[-1], ctx.type(ctx.ref(1))
    if ctx.type(x).rank != 4 or w.ndim != 4 or w.shape[0] != 1 or not c or w.shape[3] % c:
        raise Unsupported(f"input {list(ctx.type(x).shape)} does not fit weights {list(w.shape)}")
    q = t.quant if t.quant is None or t.quant.per_tensor else replace(t.quant, axis=0 if t.quant.axis == 3 else 1)
    turned = w.transpose(3, 1, 2, 0)
    weights = ctx.const(turned, TensorType(turned.shape, t.dtype, q), ctx.hint(1))
    attrs, rest = _tflite_attrs(ctx, x, w.shape[1:3], c)
    return ctx.activated(layer(ctx, x, weights, attrs), rest)


def layer(ctx: Any, x: str, w: str, attrs: Conv2dAttrs, once: bool = False, bias_at: int = 2) -> str:
    """A convolution of a TFLite file in the form that its types ask for.

    Args:
        once: the sum is rounded once, as in fully connected layers.
        bias_at: which input the bias is, if it is there.
    """
    tx, tw = ctx.type(x), ctx.type(w)
    bias = [ctx.ref(bias_at)] if ctx.has(bias_at) else []
    plain = {f.name: getattr(attrs, f.name) for f in fields(attrs)}
    if tx.dtype == "f32" and tw.dtype == "i8" and tw.quant is not None:
        depthwise, per = attrs.groups > 1, not tw.quant.per_tensor
        asymmetric = bool(ctx.options.get("asymmetric")) if once else per or depthwise
        how = {"asymmetric": asymmetric, "apart": per and not depthwise and not once}
        refs = [x, w, *(bias or [ctx.zeros(tw.shape[0])])]
        return str(ctx.emit("hybrid_conv2d", refs, ctx.attrs_of("hybrid_conv2d")(**plain, **how)))
    shifted = tw.quant is not None and any(tw.quant.zero_point)
    if tx.quant is None or (tx.dtype == "i8" and not shifted and w[0] == "@"):
        return str(ctx.emit("conv2d", [x, w, *bias], attrs))
    if shifted and tw.dtype == "i8":
        zero = tw.quant.broadcast(tw.rank)[1]
        w = ctx.const(
            ctx.constant(w).astype(np.int16) - zero, tw.with_(dtype="i16", quant=_centred(tw.quant)), "weights"
        )
    long = tx.dtype == "i16" and (not bias or ctx.type(bias[0]).dtype == "i64")
    refs = [x, w, *(bias or [ctx.zeros(tw.shape[0], "i64" if long else "i32")])]
    rounding = "once" if once else "long" if long else "twice"
    return str(ctx.emit("wide_conv2d", refs, ctx.attrs_of("wide_conv2d")(**plain, rounding=rounding)))


def _centred(q: QuantParams) -> QuantParams:
    return QuantParams(q.scale, (0,) * len(q.scale), q.axis)
