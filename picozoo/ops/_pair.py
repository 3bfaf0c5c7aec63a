"""Convolution by pairs of windows and channels: packing, and the call. C side: `kernels/pz_pair.h`."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.ops._fold import Fold, fold


def pack(w: np.ndarray, rows: int, wide: bool, folded: np.ndarray, r: m8.Requant, line: Fold | None) -> np.ndarray:
    """Biases, weights and factors of each two channels, as one stream of uint32 words.

    Args:
        w: (out, rows * n) int8.
        folded: (out,) biases with the input's zero point in them.
        line: what takes the place of `r`, if there is one.

    Example:
        >>> r = m8.Requant(np.array([5, 6]), np.array([1, -2]), 0, 0, -128, 127)
        >>> [hex(v) for v in pack(np.array([[1], [2]], np.int8), 1, True, np.array([3, 4]), r, None)]
        ... # doctest: +NORMALIZE_WHITESPACE
        ['0x3', '0x4', '0x1', '0x0', '0x2', '0x0', '0x0', '0x0', '0x0', '0x0', '0x5', '0x6', '0xfe01']
    """
    out = w.shape[0]
    pairs = -(-out // 2)

    def ends(v: np.ndarray) -> np.ndarray:
        padded = np.zeros(2 * pairs, np.int64)
        padded[:out] = np.broadcast_to(v, (out,))
        return padded.reshape(pairs, 2)

    weights = m8.pack_pairs(w, rows, wide).reshape(pairs, -1)
    if line is not None:
        parts = [ends(line.bias(folded)), weights, ends(line.multiplier)]
    else:
        down = m8.form_of(w, folded, r) == "PZ_TWICE_DOWN"
        multiplier, shift = (2 * r.multiplier, -1 - r.shift) if down else (r.multiplier, r.shift)
        both = ends(shift) & 0xFF
        parts = [ends(folded), weights, ends(multiplier), both[:, :1] | both[:, 1:] << 8]
    return np.concatenate([(p & 0xFFFFFFFF).astype("<u4") for p in parts], 1).reshape(-1)


def emit(
    call: Any,
    weights: np.ndarray,
    size: tuple[int, ...],
    folded: np.ndarray,
    r: m8.Requant,
    wide: bool,
    behind: tuple[str, tuple[str, ...]],
) -> str:
    """The call of the kernel; `size` is what `pz_conv2d_i8` takes from n to dw, `behind` see `Conv2d.behind`."""
    line = fold(weights, folded, r)
    flat = weights.reshape(weights.shape[0], -1)
    stream = call.table("packed", pack(flat, weights.shape[1], wide, folded, r, line))
    q = m8.requant_args("NULL", "NULL", "NULL", False, m8.form_of(weights, folded, r), r, line)
    where = (call.x(0), stream, call.y(), call.scratch("pz_u32"))
    kernel, how = "pz_conv2d_i8_pair" + behind[0], (r.x_zero, int(wide), int(call.backward()), q, *behind[1])
    code: str = call.run(kernel, *where, *size, *how, header="pz_conv2d.h")
    return code
