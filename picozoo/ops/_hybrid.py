"""Activations quantised while the network runs, as LiteRT does for float layers with int8 weights.

C twin: `kernels/pz_hybrid_conv2d.h`. All in float32, also where LiteRT uses double: the scale is corrected to the float
that double would give, and the zero point differs only where it lies within 1e-5 of a half.
"""

from __future__ import annotations

import numpy as np

_F = np.float32


def symmetric(x: np.ndarray) -> tuple[np.ndarray, np.float32, int]:
    """One input as (int8 values, scale, zero point 0).

    Example:
        >>> q, scale, zero = symmetric(np.array([1.0, -2.0], np.float32))
        >>> q.tolist(), zero
        ([64, -127], 0)
    """
    top = _F(np.abs(x).max(initial=0))
    if top == 0:
        return np.zeros(x.shape, np.int64), _F(1), 0
    return np.clip(_away(x * (_F(127) / top)), -127, 127), top / _F(127), 0


def asymmetric(x: np.ndarray) -> tuple[np.ndarray, np.float32, int]:
    """One input as (int8 values, scale, zero point); the range always holds zero.

    Example:
        >>> q, scale, zero = asymmetric(np.array([0.0, 2.55], np.float32))
        >>> q.tolist(), zero
        ([-128, 127], -128)
    """
    low, high = _F(min(0, x.min(initial=0))), _F(max(0, x.max(initial=0)))
    if low == high:
        return np.zeros(x.shape, np.int64), _F(1), 0
    span = high - low
    lost = high - (span + low) if high >= -low else -low - (span - high)  # what rounding took from the span
    scale = span / _F(255)
    scale += ((span - scale * _F(256)) + scale + lost) / _F(255)
    zero = int(np.clip(_away(_F(-128) - low / scale), -128, 127))
    return np.clip(_away(_F(zero) + x * (_F(1) / scale)), -128, 127), scale, zero


def _away(x: np.ndarray | np.float32) -> np.ndarray:
    """Nearest integer, halves away from zero."""
    whole = np.trunc(x)
    return (whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)).astype(np.int64)
