"""Packing for the kernels of processors with wide vectors. C side: `kernels/pz_tile16.h`, `pz_conv2d_tile16.h`."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.ops import _mve
from picozoo.ops._fold import SCALE
from picozoo.ops._lines import Lines, lines
from picozoo.specs import TensorType


def pack_tiles(w: np.ndarray, folded: np.ndarray, r: m8.Requant, line: Lines | None = None) -> np.ndarray:
    """Blocks of 16 output channels: biases twice, weights, multipliers, shifts (or what `line` needs). uint32 words.

    Args:
        w: (out, runs, values of a run) int8.
        folded: (out,) biases with the input's zero point folded in.
        line: takes the place of `r`.

    Example:
        >>> r = m8.Requant(np.array([1 << 30]), np.array([-1]), 0, 0, -128, 127)
        >>> pack_tiles(np.ones((3, 1, 9), np.int8), np.zeros(3, np.int64), r).size == 32 + 3 * 16 + 20
        True
    """
    flipped = folded - 128 * _sums(w)
    if line is not None:
        before = tuple((SCALE * v + line.start).astype(np.int32) for v in (folded, flipped))
        return _blocks(w, before, _factors(line))
    before = (folded.astype(np.int32), flipped.astype(np.int32))
    return _blocks(w, before, (r.multiplier.astype(np.int32), r.shift.astype(np.int8)))


def pack_hybrid_tiles(w: np.ndarray, scales: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Blocks of 16 output channels for float activations: sums of weights, scales, weights, biases. uint32 words.

    Args:
        w: as in `pack_tiles`.
        scales: (out,) float32.
        bias: (out,) float32.
    """
    return _blocks(w, (_sums(w).astype(np.int32), scales), (bias, np.zeros((len(w), 1), np.int8)))


def _sums(w: np.ndarray) -> np.ndarray:
    """Of the weights of each channel, int64."""
    total: np.ndarray = w.reshape(len(w), -1).astype(np.int64).sum(1)
    return total


def _blocks(w: np.ndarray, before: tuple[np.ndarray, ...], after: tuple[np.ndarray, ...]) -> np.ndarray:
    """16 channels a block: of each array of `before` their numbers, their weights in fours, then those of `after`."""
    out, runs, run = w.shape
    blocks = -(-out // 16)
    full = np.zeros((blocks * 16, runs, -(-run // 4) * 4), np.int8)
    full[:out, :, :run] = w
    weights = full.reshape(blocks, 16, runs, -1, 4).transpose(0, 2, 3, 1, 4).reshape(blocks, -1)

    def part(v: np.ndarray) -> np.ndarray:
        padded = np.zeros((blocks * 16, *v.shape[1:]), v.dtype)
        padded[:out] = v
        return padded.reshape(blocks, -1)

    parts = (*map(part, before), np.ascontiguousarray(weights), *map(part, after))
    return np.concatenate([p.view(np.uint8) for p in parts], 1).reshape(-1).view("<u4")


def pack_depthwise(w: np.ndarray, folded: np.ndarray, r: m8.Requant, line: Lines | None = None) -> np.ndarray:
    """The same for depthwise weights (channels, taps), 32 channels a block in two halves. uint32 words."""
    if line is not None:
        return _halves(w, (SCALE * folded + line.start).astype(np.int32), _factors(line))
    return _halves(w, folded.astype(np.int32), (r.multiplier.astype(np.int32), r.shift.astype(np.int8)))


def _factors(line: Lines) -> tuple[np.ndarray, ...]:
    """What stands behind the weights of a block."""
    found = (line.multiplier, line.start, line.less) if line.two else (line.multiplier,)
    return tuple(v.astype(np.int32) for v in found)


def pack_hybrid_depthwise(w: np.ndarray, scales: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """`pack_hybrid_tiles` for depthwise weights (channels, taps)."""
    return _halves(w, _sums(w).astype(np.int32), (scales, bias))


def _halves(w: np.ndarray, before: np.ndarray, after: tuple[np.ndarray, ...]) -> np.ndarray:
    """32 channels a block in two halves: numbers of `before`, weights in pairs; for each half those of `after`."""
    c, taps = w.shape
    blocks = -(-c // 32)
    order = np.arange(32).reshape(4, 2, 4).transpose(1, 0, 2)  # (half, group of four, channel)

    def halves(v: np.ndarray) -> np.ndarray:
        padded = np.zeros(blocks * 32, v.dtype)
        padded[:c] = v
        return np.ascontiguousarray(padded.reshape(blocks, 32)[:, order.reshape(2, 16)])  # (block, half, lane)

    full = np.zeros((blocks * 32, -(-taps // 2) * 2), np.int16)
    full[:c, :taps] = w
    pairs = full.reshape(blocks, 32, -1, 2)[:, order.reshape(2, 16)]  # (block, half, lane, pair, place)
    pairs = np.ascontiguousarray(pairs.transpose(0, 3, 1, 2, 4))
    factors = np.concatenate([halves(v).view(np.uint8) for v in after], 2)
    parts = (halves(before), pairs, factors)
    return np.concatenate([p.reshape(blocks, -1).view(np.uint8) for p in parts], 1).reshape(-1).view("<u4")


def padded_size(y: TensorType, w: TensorType, a: Any) -> tuple[int, int]:
    """Rows and pixels of the padded input, as far as windows reach."""
    return (
        (y.shape[1] - 1) * a.stride[0] + (w.shape[1] - 1) * a.dilation[0] + 1,
        (y.shape[2] - 1) * a.stride[1] + (w.shape[2] - 1) * a.dilation[1] + 1,
    )


def conv_scratch(x: TensorType, w: TensorType, y: TensorType, a: Any) -> int:
    """Bytes of working memory."""
    ph, pw = padded_size(y, w, a)
    return ph * pw * x.shape[3] + (3 if a.groups == 1 else 31)


def emit_hybrid(call: Any, weights: np.ndarray, scales: np.ndarray, bias: np.ndarray, tail: tuple[Any, ...]) -> str:
    """The call of the kernel for float activations, depthwise or without groups. `tail`: its last arguments."""
    a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
    _, kh, kw, _ = weights.shape
    sizes = (kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, *padded_size(call.outs[0], call.ins[1], a))
    if a.groups > 1:
        packed = pack_hybrid_depthwise(weights.reshape(o, -1), scales, bias)
        kernel, shape = "pz_hybrid_depthwise_tile16", [n, h, w, c, oh, ow]
    else:
        packed = pack_hybrid_tiles(weights.reshape(o, kh if a.dilation[1] == 1 else kh * kw, -1), scales, bias)
        kernel, shape = "pz_hybrid_conv2d_tile16", [n, h, w, c, oh, ow, o]
    where = (call.x(0), call.table("packed", packed), call.y(), call.scratch("pz_i8"))
    return str(call.run(kernel, *where, *shape, *sizes, *tail, header="pz_hybrid_tile16.h"))


def emit_conv(call: Any, weights: np.ndarray, folded: np.ndarray, r: m8.Requant) -> str:
    """The call of a convolution's kernel, depthwise or without groups."""
    a, (n, h, w, c), (_, oh, ow, o) = call.attrs, call.ins[0].shape, call.outs[0].shape
    _, kh, kw, _ = weights.shape
    depthwise = a.groups > 1
    sizes = (kh, kw, *a.stride, a.pad[0], a.pad[2], *a.dilation, r.x_zero, *padded_size(call.outs[0], call.ins[1], a))
    line = lines(weights, folded, r) if "simd" in call.target.features else None
    q = _mve.out_literal(weights, folded, r)
    q = f"(pz_out_args){{{line.form}, {line.shift}, {r.lo}, {r.hi}}}" if line else q
    if depthwise:
        packed = pack_depthwise(weights.reshape(o, -1), folded, r, line)
        kernel, shape = "pz_conv2d_i8_depthwise_tile16", [n, h, w, c, oh, ow]
    else:
        packed = pack_tiles(weights.reshape(o, kh if a.dilation[1] == 1 else kh * kw, -1), folded, r, line)
        kernel, shape = "pz_conv2d_i8_tile16", [n, h, w, c, oh, ow, o]
    where = (call.x(0), call.table("packed", packed), call.y(), call.scratch("pz_i8"))
    return call.run(kernel, *where, *shape, *sizes, q, header="pz_conv2d_tile16.h")
