"""Logistic and hyperbolic tangent of int16 fixed-point numbers, bit for bit as gemmlowp computes them.

LiteRT's integer LSTM uses these. A number with `k` integer bits has 15 - k bits after the point; results are Q0.15.
C twin: `kernels/pz_gemmlowp16.h`.

Source: gemmlowp's `fixedpoint.h` (`exp_on_negative_values`, `logistic`, `tanh`).
"""

from __future__ import annotations

import numpy as np

_MAX = 32767
# exp(-2^e) in Q0.15, e = -2 ... 4
_POWERS = (25520, 19875, 12055, 4435, 600, 11, 0)
_EXP_EIGHTH, _THIRD = 28918, 10923  # exp(-1/8), 1/3
_C48_17, _C32_17 = 23130, -15420  # 48/17 and -32/17 with 2 integer bits


def _wrap(x: np.ndarray) -> np.ndarray:
    return x.astype(np.int16).astype(np.int64)


def _sat(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -32768, _MAX)


def _times(a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
    """Saturating rounding doubling high multiply."""
    p = np.asarray(a, np.int64) * b
    up = np.where(p >= 0, p + (1 << 14), p + 1 - (1 << 14))
    return np.minimum(np.where(up >= 0, up >> 15, -(-up >> 15)), _MAX)


def _half(x: np.ndarray, bits: int) -> np.ndarray:
    """Rounding shift right."""
    rest, mask = x & ((1 << bits) - 1), (1 << bits) - 1
    return (x >> bits) + (rest > (mask >> 1) + (x < 0))


def _exp(a: np.ndarray, k: int) -> np.ndarray:
    """exp of a <= 0 with k integer bits."""
    quarter = 1 << (13 - k)
    rest = (a & (quarter - 1)) - quarter
    x = _wrap(_sat(rest << k) + (1 << 12))  # + 1/8
    x2 = _times(x, x)
    x3, x4 = _times(x2, x), _times(x2, x2)
    poly = _half(_wrap(_times(_wrap(_half(x4, 2) + x3), _THIRD) + x2), 1)
    made = _wrap(_EXP_EIGHTH + _times(_EXP_EIGHTH, _wrap(x + poly)))
    remainder = _wrap(rest - a)
    for e, factor in zip(range(-2, 5), _POWERS, strict=True):
        if k > e:
            made = np.where(remainder & (1 << (15 - k + e)), _times(made, factor), made)
    if k > 5:
        made = np.where(a < -(1 << (15 - k + 5)), 0, made)
    return np.where(a == 0, _MAX, made)


def _newton(a: np.ndarray) -> np.ndarray:
    """2 / (1 + a) with 2 integer bits, a in [0, 1] as Q0.15."""
    total = a + _MAX
    half = (total + 1) // 2
    x = _wrap(_C48_17 + _times(half, _C32_17))
    for _ in range(3):
        rest = _wrap((1 << 13) - _times(half, x))
        x = _wrap(x + _sat(_times(x, rest) << 2))
    return x


def logistic16(x: np.ndarray, k: int = 3) -> np.ndarray:
    """1 / (1 + exp(-x)) in Q0.15.

    Args:
        x: int16 values with k integer bits.

    Example:
        >>> logistic16(np.array([0, 4096, -4096])).tolist()
        [16384, 23952, 8815]
    """
    x = np.asarray(x, np.int64)
    up = _sat(_newton(_exp(_wrap(-np.where(x > 0, x, _wrap(-x))), k)) << 1)
    return np.where(x == 0, 1 << 14, np.where(x > 0, up, _wrap(_MAX - up)))


def tanh16(x: np.ndarray, k: int = 3) -> np.ndarray:
    """tanh(x) in Q0.15; as `logistic16`.

    Example:
        >>> tanh16(np.array([0, 4096, -4096])).tolist()
        [0, 24964, -24964]
    """
    x = np.asarray(x, np.int64)
    t = _sat(_wrap(_newton(_exp(np.where(x < 0, x, _wrap(-x)), k + 1)) - (1 << 13)) << 2)
    return np.where(x == 0, 0, np.where(x < 0, _wrap(-t), t))
