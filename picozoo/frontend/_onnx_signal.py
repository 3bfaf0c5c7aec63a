"""ONNX nodes of signal processing: transforms are fast ones or products with matrices, windows constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile, Unsupported
from picozoo.frontend._onnx_file import MAX_BYTES
from picozoo.ops._fft import MOST
from picozoo.ops._op import norm_axis
from picozoo.ops.pad import PadAttrs
from picozoo.ops.signal_rfft import SignalRfftAttrs


def _fit(ctx: Any, x: str, axis: int, n: int) -> str:
    """A dimension cut or filled with zeros to size n."""
    have = ctx.shape(x)[axis]
    if n <= have:
        return str(ctx.part(x, axis, 0, n))
    after = [0] * len(ctx.shape(x))
    after[axis] = n - have
    return str(ctx.emit("pad", [x], PadAttrs((0,) * len(after), tuple(after), 0.0)))


def transform(ctx: Any, x: str, n: int, inverse: bool, onesided: bool) -> str:
    """Fourier transform of [rows, n, 1 or 2]; [rows, m, 2]. Lengths that have no fast one: a product with a matrix."""
    if ctx.shape(x)[2] == 1 and not inverse and 4 <= n <= MOST and n & (n - 1) == 0:
        return _fast(ctx, x, n, onesided)
    m = n // 2 + 1 if onesided else n
    if n * m * 16 > MAX_BYTES:
        raise Unsupported(f"a transform of length {n}")
    angle = 2 * np.pi * (np.outer(np.arange(n), np.arange(m)) % n) / n * (1 if inverse else -1)
    re, im = np.cos(angle) / (n if inverse else 1), np.sin(angle) / (n if inverse else 1)
    parts = ctx.shape(x)[2]
    matrix = np.empty((n, parts, m, 2))
    matrix[:, 0, :, 0], matrix[:, 0, :, 1] = re, im
    if parts == 2:
        matrix[:, 1, :, 0], matrix[:, 1, :, 1] = -im, re
    flat = ctx.reshape(x, (ctx.shape(x)[0], n * parts))
    y = ctx.emit("linear", [flat, ctx.const(matrix.reshape(n * parts, m * 2).T, "dft", "f32")])
    return str(ctx.reshape(y, (ctx.shape(x)[0], m, 2)))


def _fast(ctx: Any, x: str, n: int, onesided: bool) -> str:
    """Spectrum of real rows [rows, n, 1]; the upper half mirrors the lower one."""
    rows, half = ctx.shape(x)[0], n // 2
    y = ctx.emit("signal_rfft", [ctx.reshape(x, (rows, n))], SignalRfftAttrs(n))
    y = ctx.reshape(y, (rows, half + 1, 2))
    if onesided:
        return str(y)
    sign = np.ones((n, 2))
    sign[half + 1 :, 1] = -1
    whole = ctx.pick(y, 1, [*range(half + 1), *range(half - 1, 0, -1)])
    return str(ctx.op("mul", whole, ctx.const(sign, "mirror", "f32")))


def _dft(ctx: Any) -> str:
    x = ctx.ref(0)
    shape = ctx.shape(x)
    new = ctx.opset >= 20
    axis = ctx.ints(2, "the axis")[0] if new and ctx.has(2) else -2 if new else ctx.attr("axis", 1)
    axis = norm_axis(axis, len(shape))
    n = ctx.ints(1, "the length")[0] if ctx.has(1) else shape[axis]
    inverse, onesided = bool(ctx.attr("inverse", 0)), bool(ctx.attr("onesided", 0))
    if shape[-1] not in (1, 2) or axis == len(shape) - 1 or not 0 < n < 1 << 20 or (inverse and onesided):
        raise BadFile(f"transform of {list(shape)} along {axis}, length {n}")
    x = _fit(ctx, x, axis, n)
    rest = [d for d in range(len(shape) - 1) if d != axis]
    moved = ctx.transpose(x, (*rest, axis, len(shape) - 1))
    rows = math.prod(shape[d] for d in rest)
    y = transform(ctx, ctx.reshape(moved, (rows, n, shape[-1])), n, inverse, onesided)
    y = ctx.reshape(y, (*[shape[d] for d in rest], ctx.shape(y)[1], 2))
    back = list(range(len(rest)))
    back.insert(axis, len(rest))
    return str(ctx.transpose(y, (*back, len(shape) - 1)))


def _stft(ctx: Any) -> str:
    x, step = ctx.ref(0), ctx.ints(1, "the frame step")[0]
    shape = ctx.shape(x)
    b, length, parts = shape if len(shape) == 3 else (*shape, 1)
    n = ctx.ints(3, "the frame length")[0] if ctx.has(3) else ctx.shape(ctx.ref(2))[0]
    if not 0 < n <= length or step < 1:
        raise BadFile(f"frames of {n}, {step} apart, of {length}")
    frames = (length - n) // step + 1
    rows = (step * np.arange(frames)[:, None] + np.arange(n)).reshape(-1)
    cut = ctx.reshape(ctx.pick(ctx.reshape(x, (b, length, parts)), 1, rows), (b * frames, n, parts))
    if ctx.has(2):
        cut = ctx.op("mul", cut, ctx.reshape(ctx.ref(2), (n, 1)))
    y = transform(ctx, cut, n, False, bool(ctx.attr("onesided", 1)) and parts == 1)
    return str(ctx.reshape(y, (b, frames, *ctx.shape(y)[1:])))


def _window(*terms: float) -> Callable[..., Any]:
    def read(ctx: Any) -> str:
        size, kind = ctx.ints(0, "the size")[0], ctx.attr("output_datatype", 1)
        if not 0 < size < 1 << 24:
            raise BadFile(f"a window of {size}")
        n = size if ctx.attr("periodic", 1) else size - 1
        at = 2 * np.pi * np.arange(size) / max(n, 1)
        ctx.out_kind = kind
        made = sum((-1) ** k * a * np.cos(k * at) for k, a in enumerate(terms))
        return str(ctx.const(made, "window", ctx.ir_dtype(kind)))

    return read


def _mel(ctx: Any) -> str:
    bins, length, rate = (ctx.ints(i, "a mel parameter")[0] for i in range(3))
    low, high = (float(ctx.array(i, "a mel parameter").reshape(-1)[0]) for i in (3, 4))
    spectrum = length // 2 + 1
    if not 0 < bins < 1 << 12 or not 0 < spectrum < 1 << 20 or rate < 1:
        raise BadFile(f"{bins} mel bands of {length}")
    edges = 2595 * np.log10(1 + np.array([low, high]) / 700)
    mel = np.arange(bins + 2) * ((edges[1] - edges[0]) / (bins + 2)) + edges[0]
    at = ((length + 1) * (700 * (10 ** (mel / 2595) - 1)) // rate).astype(np.int64)
    made = np.zeros((spectrum, bins))
    for k in range(bins):
        lower, centre, upper = at[k : k + 3]
        if centre == lower:
            made[centre, k] = 1
        else:
            rows = np.arange(lower, centre + 1)
            made[rows, k] = (rows - lower) / (centre - lower)
        if upper != centre:
            rows = np.arange(centre, upper)
            made[rows, k] = (upper - rows) / (upper - centre)
    kind = ctx.attr("output_datatype", 1)
    ctx.out_kind = kind
    return str(ctx.const(made, "mel", ctx.ir_dtype(kind)))


READERS: Mapping[str, Callable[..., Any]] = {
    "DFT": _dft,
    "STFT": _stft,
    "HannWindow": _window(0.5, 0.5),
    "HammingWindow": _window(25 / 46, 21 / 46),
    "BlackmanWindow": _window(0.42, 0.5, 0.08),
    "MelWeightMatrix": _mel,
}
