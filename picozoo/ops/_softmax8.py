"""Softmax in int8, bit for bit as LiteRT's reference kernel: gemmlowp's fixed-point exponential and reciprocal.

The exponential of every difference to the row's maximum is a table made here; the kernel adds up and divides. C twin of
`reciprocal`: `kernels/pz_softmax.h`.

Source: gemmlowp's fixed-point functions (`exp_on_negative_values`, `one_over_one_plus_x_for_x_in_0_1`).
"""

from __future__ import annotations

import math

import numpy as np

from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right
from picozoo.ops._lut16 import lookup16, lut16

_DIFF_BITS = 5  # integer bits of a scaled difference
ACCUM_BITS = 12  # integer bits of the sum
_I32_MAX = (1 << 31) - 1
# exp(-2^k) in Q0.31 for k = -2 ... 4
_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def _times(a: int, b: int) -> int:
    """Saturating rounding doubling high multiply of two int32."""
    if a == b == -(1 << 31):
        return _I32_MAX
    p = a * b
    return (p + (1 << 30)) >> 31 if p >= 0 else -((-p + (1 << 30) - 1) >> 31)


def _half(x: int, bits: int) -> int:
    return int(rounding_shift_right(np.array(x, np.int64), bits))


def _shift_left(x: int, bits: int) -> int:
    return max(-(1 << 31), min(_I32_MAX, x << bits))


def _exp(a: int) -> int:
    """exp of a <= 0, given with 26 bits after the point; Q0.31."""
    if a == 0:
        return _I32_MAX
    quarter = 1 << 24
    rest = (a & (quarter - 1)) - quarter
    x = _shift_left(rest, _DIFF_BITS) + (1 << 28)
    x2 = _times(x, x)
    x3, x4 = _times(x2, x), _times(x2, x2)
    poly = _half(_times(_half(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + _times(1895147668, x + poly)
    remainder = rest - a
    for k, factor in enumerate(_POWERS):
        if remainder & (1 << (24 + k)):
            result = _times(result, factor)
    return result


def exp_table(scale: float, beta: float) -> np.ndarray:
    """exp(beta * scale * -i) in Q0.31 for i = 0, 1, ... as int32; further differences count as zero.

    Example:
        >>> exp_table(0.1, 1.0)[:2].tolist()
        [2147483647, 1943123572]
    """
    factor = min(beta * scale * (1 << (31 - _DIFF_BITS)), float(_I32_MAX))
    m, shift = quantize_multiplier(factor)
    # the largest difference whose scaled value still has _DIFF_BITS integer bits
    radius = math.floor(((1 << _DIFF_BITS) - 1) * (1 << (31 - _DIFF_BITS)) / (1 << max(shift, 0)))
    count = min(255, radius) + 1
    # factors at or below one half have no form in the reference kernel; it refuses them
    return np.array([_exp(_times(-i << max(shift, 0), m)) for i in range(count)], np.int32)


def reciprocal(total: int) -> tuple[int, int]:
    """1 / total as a Q0.31 factor and the bits to shift right; `total` has ACCUM_BITS integer bits, >= 1."""
    zeros = 32 - int(total).bit_length()
    rest = ((total << zeros) & 0xFFFFFFFF) - (1 << 31)
    denominator = (rest + _I32_MAX + 1) // 2
    x = 1515870810 + _times(denominator, -1010580540)
    for _ in range(3):
        x += _shift_left(_times(x, (1 << 29) - _times(denominator, x)), 2)
    return _shift_left(x, 1), ACCUM_BITS - zeros


def softmax8(rows: np.ndarray, table: np.ndarray, bits_out: int = 8) -> np.ndarray:
    """Softmax of int8 rows (n, classes); output scale 2^-bits_out, zero point -128 or -32768."""
    wide = table.astype(np.int64)
    made = np.empty(rows.shape, np.int64)
    for i, row in enumerate(rows.astype(np.int64)):
        below = row.max() - row
        e = np.where(below < len(wide), wide[np.minimum(below, len(wide) - 1)], 0)
        factor, bits = reciprocal(int(rounding_shift_right(e, ACCUM_BITS).sum()))
        y = rounding_shift_right(np.array([_times(factor, int(v)) for v in e], np.int64), bits + 31 - bits_out)
        low = -1 << (bits_out - 1)
        made[i] = np.clip(y + low, low, -1 - low)
    return made


def tables16() -> tuple[np.ndarray, np.ndarray]:
    """exp over [-10, 0] and 1 / (1 + x) over [0, 1]."""
    return lut16(np.exp, -10.0, 0.0), lut16(lambda x: 1 / (1 + x), 0.0, 1.0)


def factor16(scale: float, beta: float) -> tuple[int, int]:
    """From a difference of inputs to 65535 steps of [-10, 0]."""
    return quantize_multiplier(float(np.float32(scale)) * beta / (10.0 / 65535.0))


def softmax16(rows: np.ndarray, scale: float, beta: float) -> np.ndarray:
    """Softmax of int16 rows (n, classes); output scale 1/32768, zero point 0."""
    exp, inverse = tables16()
    wide = rows.astype(np.int64)
    below = multiply_by_quantized_multiplier(wide - wide.max(1, keepdims=True), *factor16(scale, beta))
    e = lookup16(np.clip(below + 32767, -32768, 32767), exp)
    total = e.sum(1, keepdims=True)
    zeros = np.array([[32 - int(t[0]).bit_length()] for t in total], np.int64)
    shifted = ((total << (zeros - 1)) + (1 << 13)) >> 14
    factor = lookup16(np.clip(shifted - 98304, -32768, 32767), inverse)
    bits = 31 - zeros
    return np.clip((e * factor + (np.int64(1) << (bits - 1))) >> bits, 0, 32767)
