"""ONNX nodes of signal processing: transforms (`ops.dft`), frames, windows, mel bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from picozoo.errors import BadFile
from picozoo.ops._op import norm_axis
from picozoo.ops.dft import DftAttrs


def transform(ctx: Any, x: str, n: int, inverse: bool, onesided: bool) -> str:
    """Fourier transform of [rows, up to n, 1 or 2], zeros behind; [rows, n or n // 2 + 1, 2]."""
    return str(ctx.emit("dft", [x], DftAttrs(n, inverse, onesided)))


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
    if n < shape[axis]:
        x = ctx.part(x, axis, 0, n)
    length = ctx.shape(x)[axis]
    rest = [d for d in range(len(shape) - 1) if d != axis]
    moved = ctx.transpose(x, (*rest, axis, len(shape) - 1))
    rows = math.prod(shape[d] for d in rest)
    y = transform(ctx, ctx.reshape(moved, (rows, length, shape[-1])), n, inverse, onesided)
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
