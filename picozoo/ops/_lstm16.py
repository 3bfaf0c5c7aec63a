"""An LSTM over a sequence on int16 activations and int8 weights (16x8->16), as TensorFlow Lite Micro computes it.

Sums of each row are brought to Q3.12 by a factor of 16 bits and limited, logistic and tanh come from a table, products
are rounded twice. C twin: `pz_lstm_sequence_i16` in `kernels/pz_lstm_sequence.h`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, multiply_long, quantize_multiplier
from picozoo.ops._lut16 import squash16, squash_table
from picozoo.ops._op import Types
from picozoo.ops.lstm_cell import fraction_bits
from picozoo.specs import TensorType


def _rows(x: TensorType, w: TensorType) -> tuple[np.ndarray, np.ndarray]:
    """Factor of 16 bits and shift of each row."""
    assert x.quant is not None and w.quant is not None
    sx = np.float32(x.quant.scale[0])
    found = [quantize_multiplier(float(sx * np.float32(s)) * 4096.0) for s in w.quant.scale]
    m = [(f + (1 << 15)) >> 16 if f < 0x7FFF0000 else 0x7FFF for f, _ in found]
    shifts = [max(-31, min(14, s)) for _, s in found]
    return np.broadcast_to(np.array(m, np.int64), (w.shape[0],)), np.broadcast_to(np.array(shifts), (w.shape[0],))


def _squash(c: TensorType) -> tuple[int, int]:
    """Factor and bits that bring the cell to steps of the table."""
    k = fraction_bits(c)
    return (3 << (12 - k), 0) if k <= 12 else (3, k - 12)


def _factors(ins: Types, outs: Types, clip: float) -> tuple[int, ...]:
    """Factor and shift of the new part of the cell, its limit, its way to the table, factor and shift of y."""
    y, c = outs[0].quant, ins[2].quant
    assert y is not None and c is not None
    scale = np.float64(np.float32(c.scale[0]))
    limit = int(min(float(np.float32(clip)) / scale, 32767)) if clip > 0 else 0
    fresh = quantize_multiplier(float(np.float64(2.0**-30) / scale))
    return (*fresh, limit, *_squash(ins[2]), *quantize_multiplier(2.0**-30 / float(np.float32(y.scale[0]))))


def _sat(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -32768, 32767)


def integer_step(args: list[np.ndarray], ins: Types, outs: Types, clip: float) -> Callable[..., Any]:
    """(x, h, c) -> (h', c')."""
    w_ih, w_hh, b = args[3:]
    (mx, sx), (mh, sh) = _rows(ins[0], ins[3]), _rows(ins[1], ins[4])
    m, s, limit, factor, bits, my, sy = _factors(ins, outs, clip)

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first = _sat(multiply_long(x.astype(np.int64) @ w_ih.T.astype(np.int64) + b, mx, sx))
        gates = _sat(first + _sat(multiply_long(h.astype(np.int64) @ w_hh.T.astype(np.int64), mh, sh)))
        i, f, g, o = np.split(gates, 4, -1)
        i, f, o = (squash16(v, 3, 0, False) for v in (i, f, o))
        kept = _sat(multiply_by_quantized_multiplier(f * c.astype(np.int64), 1 << 30, -14))
        new = _sat(kept + _sat(multiply_by_quantized_multiplier(i * squash16(g, 3, 0, True), m, s)))
        new = np.clip(new, -limit, limit) if limit else new
        return _sat(multiply_by_quantized_multiplier(squash16(new, factor, bits, True) * o, my, sy)), new

    return step


def tables(call: Any) -> list[str]:
    """Weights, bias and factors of x, then of h, and the table of the logistic."""
    made = []
    for tag, i in (("x", 0), ("h", 1)):
        m, s = _rows(call.ins[i], call.ins[3 + i])
        bias = [call.x(5)] if i == 0 else []
        pair = (call.table(f"m{tag}", m.astype(np.int32)), call.table(f"s{tag}", s.astype(np.int8)))
        made += [call.x(3 + i), *bias, *pair]
    return [*made, call.table("squash", squash_table())]


def fixed(call: Any) -> tuple[int, ...]:
    """The fixed-point numbers of the kernel."""
    return _factors(call.ins, call.outs, call.attrs.clip)
