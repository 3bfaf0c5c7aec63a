"""Functions of one int16 value as tables of 513 values with linear interpolation, and the sigmoid of LiteRT's int16.

C twins: `kernels/pz_lut.h`, `kernels/pz_squash16.h`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def lut16(fn: Callable[[np.ndarray], np.ndarray], low: float, high: float, steps: float = 32768.0) -> np.ndarray:
    """LiteRT's table of 513 values of a function over [low, high], each moved by half the error between two.

    Args:
        steps: integers to one unit of the function's value.
    """
    step, by = np.float32((high - low) / 512), np.float32(steps)
    at = np.float32(low) + np.arange(513, dtype=np.float32) * step
    exact = fn(at.astype(np.float64)).astype(np.float32) * by
    value = _away(exact)
    error = _away((exact[1:] + value[:-1]) / 2) - _away(
        fn((at[:-1] + step / 2).astype(np.float64)).astype(np.float32) * by
    )
    made = np.concatenate([value[:-1] - _away(error / 2), value[-1:]])
    return np.clip(made, -32768, 32767).astype(np.int16)


def _away(x: np.ndarray) -> np.ndarray:
    """Nearest integer, halves away from zero."""
    whole = np.trunc(x)
    return whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), np.float32(0))


def lookup16(x: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Values at int16 places of a `lut16` table, with linear interpolation."""
    wide, x = table.astype(np.int64), x.astype(np.int64)
    base = wide[256 + (x >> 7)]
    return base + (((wide[257 + (x >> 7)] - base) * (x & 127) + 64) >> 7)


def sigmoid_table() -> np.ndarray:
    """65536 * sigmoid(i / 24), i = 0 ... 255, as uint16 (held in int32)."""
    return np.minimum(np.floor(65536 / (1 + np.exp(-np.arange(256) / 24.0)) + 0.5), 65535).astype(np.int32)


def squash_table() -> np.ndarray:
    """`sigmoid_table` with each value moved by half the error between it and the next: LiteRT's, as uint16."""
    at = np.arange(256)
    exact = 65536 / (1 + np.exp(-at / 24.0))
    between = 65536 / (1 + np.exp(-(at[:-1] + 0.5) / 24))
    exact[:-1] += (between - (exact[1:] + exact[:-1]) / 2) / 2
    exact[-1] = 65535  # the limit
    return np.floor(exact + 0.5).astype(np.uint16)


def squash_factor(scale: float, powers: tuple[int, ...]) -> tuple[int, int]:
    """From an int16 input to steps of 1 / (3 * 4096): factor and bits to shift right.

    Args:
        powers: exponents k for which a scale of 2^(k - 12) needs no rounding.
    """
    k = math.log2(scale) + 12
    if k in powers:
        return 3 << int(k), 0
    factor, bits = scale * 4096.0 * 3.0, 0
    while factor <= 32767.0 / 2.0 and bits <= 30:
        factor, bits = factor * 2.0, bits + 1
    return int(factor), bits


def squash16(x: np.ndarray, factor: int, bits: int, tanh: bool) -> np.ndarray:
    """Logistic or hyperbolic tangent in Q0.15 of x * factor / 2^bits, from one table."""
    t = squash_table().astype(np.int64)
    v = (x.astype(np.int64) * factor + ((1 << bits) >> 1)) >> bits
    part = 8 if tanh else 9  # tanh(x) = 2 sigmoid(2 x) - 1
    a, mask = np.abs(v), (1 << part) - 1
    hi = np.minimum(a >> part, 254)
    top = 0xFFFF << 8 if tanh else 0x7FFF << 10
    r = np.where(a >> part >= 255, top, (t[hi] << part) + (a & mask) * (t[hi + 1] - t[hi]))
    if tanh:
        return np.where(v >= 0, r - (1 << 23) + (1 << 7), -r + (1 << 23) + (1 << 7) - 1) >> 8
    return np.where(v >= 0, r + (1 << 9), (1 << 25) - r + (1 << 9) - 1) >> 10
