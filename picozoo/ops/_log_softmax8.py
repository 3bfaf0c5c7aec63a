"""Logarithm of softmax in int8, bit for bit as LiteRT's reference kernel: gemmlowp's fixed-point logarithm.

C twin: `pz_log12` of `kernels/pz_softmax.h`. Source: LiteRT's `log_x_for_x_greater_than_or_equal_to_1`.
"""

from __future__ import annotations

import numpy as np

from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right
from picozoo.ops._softmax8 import ACCUM_BITS, _half, _shift_left, _times

_MAX = (1 << 31) - 1
_LOG2, _ROOT, _FOURTH = 1488522236, 1518500250, 1805811301  # log 2, 2^-1/2, 2^-1/4
_N, _D, _I, _F = 117049297, 127690142, 1057819769, 638450708  # of the rational function


def log12(x: int) -> int:
    """log(x) with 26 bits after the point, x >= 1 with 12 integer bits (19 after the point).

    Example:
        >>> log12(1 << 19), round(log12(10 << 19) / 2**26, 4)
        (0, 2.3026)
    """
    zeros = 32 - x.bit_length()
    a = _shift_left(_times(_shift_left(x, zeros - 1), _ROOT), 1)
    power_a = ((ACCUM_BITS - zeros) << 25) + (1 << 23)
    headroom = 31 - _times(x, _ROOT).bit_length()
    b = _shift_left(x, headroom)
    power_b = ((ACCUM_BITS - headroom) << 25) - (1 << 23)
    r, power = min(a, b), max(power_a, power_b)
    p = (r + _FOURTH + 1) // 2
    q = 2 * (r - _FOURTH)
    square = _times(q, q)
    top = _times(q, r) + _times(_times(q, square), _N)
    below = _times(p, _I + q + _times(_D, square)) + _times(_F, q)
    denominator = (below + _MAX + 1) // 2
    y = 1515870810 + _times(denominator, -1010580540)
    for _ in range(3):
        y += _shift_left(_times(y, (1 << 29) - _times(denominator, y)), 2)
    return _shift_left(_times(power, _LOG2) + _times(_half(top, 6), _shift_left(y, 1)), 1)


def differences(scale: float, count: int) -> np.ndarray:
    """scale * -i with 26 bits after the point, i < count, int32."""
    m, s = quantize_multiplier(min(scale * (1 << 26), float(_MAX)))
    return multiply_by_quantized_multiplier(-np.arange(count), m, s).astype(np.int32)


def log_softmax8(rows: np.ndarray, exps: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Rows (n, classes) of int8; output scale 1/16, zero point 127.

    Args:
        exps: `_softmax8.exp_table`.
        scaled: `differences` of the same length.
    """
    made = np.empty(rows.shape, np.int64)
    for i, row in enumerate(rows.astype(np.int64)):
        below = row.max() - row
        inside = below < len(exps)
        at = np.minimum(below, len(exps) - 1)
        e = np.where(inside, exps.astype(np.int64)[at], 0)
        log = log12(int(rounding_shift_right(e, ACCUM_BITS).sum()))
        y = rounding_shift_right(scaled.astype(np.int64)[at] - log, 22) + 127
        made[i] = np.where(inside, np.clip(y, -128, 127), -128)
    return made
