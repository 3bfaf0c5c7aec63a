"""Packing for the Helium kernels, and which convolutions they take. C side: `kernels/pz_mve.h`, `pz_conv2d_mve.h`."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.specs import TensorType

MAX_ROWS = 16  # PZ_RING_MAX of pz_conv2d_mve.h
# In this order the widening products give the channels of a group of 16.
LANES = np.array([0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15])


def groups16(n: int) -> int:
    """Groups of 16 that hold n values."""
    return -(-n // 16)


def pack_blocks(w: np.ndarray, folded: np.ndarray, r: m8.Requant) -> np.ndarray:
    """Blocks of four output channels: biases, weights, multipliers, shifts. uint32 words.

    Args:
        w: (out, rows, row) int8, a row being what lies together in memory.
        folded: (out,) biases with the input's zero point folded in.

    Example:
        >>> r = m8.Requant(np.array([1 << 30]), np.array([-1]), 0, 0, -128, 127)
        >>> pack_blocks(np.ones((3, 1, 9), np.int8), np.zeros(3, np.int64), r).size == 4 + 16 + 4 + 1
        True
    """
    out, rows, row = w.shape
    blocks = -(-out // 4)
    full = np.zeros((blocks * 4, rows, groups16(row) * 16), np.int8)
    full[:out, :, :row] = w
    weights = full.reshape(blocks, 4, rows, -1, 16).transpose(0, 2, 3, 1, 4).reshape(blocks, -1)
    parts = (
        _padded(folded, blocks * 4, np.int32).reshape(blocks, -1),
        np.ascontiguousarray(weights),
        _padded(np.broadcast_to(r.multiplier, (out,)), blocks * 4, np.int32).reshape(blocks, -1),
        _padded(np.broadcast_to(r.shift, (out,)), blocks * 4, np.int8).reshape(blocks, -1),
    )
    return _words(parts)


def pack_depthwise(w: np.ndarray, folded: np.ndarray, r: m8.Requant) -> np.ndarray:
    """The same for depthwise weights (channels, taps), 16 channels a block, in the order of LANES. uint32 words."""
    c, taps = w.shape
    blocks = groups16(c)
    full = np.zeros((blocks * 16, taps), np.int8)
    full[:c] = w

    def lanes(v: np.ndarray, dtype: Any) -> np.ndarray:
        return np.ascontiguousarray(_padded(np.broadcast_to(v, (c,)), blocks * 16, dtype).reshape(blocks, 16)[:, LANES])

    weights = np.ascontiguousarray(full.reshape(blocks, 16, taps).transpose(0, 2, 1)).reshape(blocks, -1)
    return _words((lanes(folded, np.int32), weights, lanes(r.multiplier, np.int32), lanes(r.shift, np.int8)))


def _padded(v: np.ndarray, n: int, dtype: Any) -> np.ndarray:
    full = np.zeros(n, dtype)
    full[: len(v)] = v
    return full


def _words(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """Rows of each part one behind the other, as 32-bit words."""
    blocks = np.concatenate([p.view(np.uint8) for p in parts], 1)
    return np.ascontiguousarray(blocks).view("<u4").reshape(-1)


def span_of(w: np.ndarray) -> int:
    """How many products with consecutive taps of (channels, taps) fit an int16, whatever the input: at least 1.

    Example:
        >>> span_of(np.array([[127, 127, 1, 1, 1]], np.int8))
        3
    """
    sizes = np.abs(w.astype(np.int64))
    for span in range(w.shape[1], 1, -1):
        if all(sizes[:, t : t + span].sum(1).max() * 128 <= 32767 for t in range(0, w.shape[1], span)):
            return span
    return 1


def direct(kh: int, row: int, out: int, dilated: bool) -> bool:
    """Is reading a window where it lies, row by row, cheaper than copying it to one long row first?

    Args:
        row: bytes of a row of the window.
        dilated: pixels of a row do not lie together.
    """
    if dilated:
        return False
    if kh == 1:
        return True
    blocks = -(-out // 4)
    in_place = blocks * kh * (14 * groups16(row) + 10)
    copied = blocks * 14 * groups16(kh * row) + 2 * kh * (12 + 5 * groups16(row))
    return in_place <= copied


def takes_depthwise(x: TensorType, w: TensorType) -> bool:
    """One weight plane for each channel, and a window that is not too high."""
    return w.shape[3] == 1 and w.shape[0] == x.shape[3] and w.shape[1] <= MAX_ROWS


def depthwise_width(x: TensorType, y: TensorType, w: TensorType, a: Any) -> int:
    """Pixels of a row of the ring."""
    return int((y.shape[2] - 1) * a.stride[1] + (w.shape[2] - 1) * a.dilation[1] + 1)


def conv_scratch(x: TensorType, w: TensorType, y: TensorType, a: Any) -> int:
    """Working memory of the kernels below, in bytes."""
    _, kh, kw, c = w.shape
    if a.groups > 1:
        return ((kh - 1) * a.dilation[0] + 1) * depthwise_width(x, y, w, a) * x.shape[3] + 15
    row = kw * c
    point = (kh, kw) == (1, 1) and not any(a.pad) and row % 16 == 0
    return 0 if point else 2 * kh * row + 15


def emit_conv(call: Any, weights: np.ndarray, folded: np.ndarray, r: m8.Requant) -> str:
    """The call of a convolution's kernel, depthwise or without groups."""
    a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
    _, kh, kw, cg = weights.shape
    steps = (kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, r.x_zero)
    scratch = call.scratch("pz_i8") if conv_scratch(call.ins[0], call.ins[1], call.outs[0], a) else "NULL"
    q = out_literal(weights, folded, r)
    if a.groups > 1:
        taps = weights.reshape(o, -1)
        table = call.table("packed", pack_depthwise(taps, folded, r))
        width = depthwise_width(call.ins[0], call.outs[0], call.ins[1], a)
        sizes = (n, h, w, c, oh, ow, *steps, width, span_of(taps), q)
        kernel = "pz_conv2d_i8_depthwise_mve"
        return call.run(kernel, call.x(0), table, call.y(), scratch, *sizes, header="pz_conv2d_mve.h")
    call.small = True
    whole = direct(kh, kw * cg, o, a.dilation[1] > 1 and kw > 1)
    rows = weights.reshape(o, kh if whole else 1, -1)
    table = call.table("packed", pack_blocks(rows, folded, r))
    sizes = (n, h, w, c, oh, ow, o, *steps, int(whole), q)
    return call.run("pz_conv2d_i8_mve", call.x(0), table, call.y(), scratch, *sizes, header="pz_conv2d_mve.h")


def out_literal(weights: np.ndarray, folded: np.ndarray, r: m8.Requant) -> str:
    """The `pz_out_args` literal of a layer."""
    return f"(pz_out_args){{{m8.form_of(weights, folded, r)}, {r.y_zero}, {r.lo}, {r.hi}}}"
