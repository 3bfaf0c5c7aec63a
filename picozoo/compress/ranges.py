"""Chooses quantisation parameters from values seen in calibration: min-max, percentile, or least squared error."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from picozoo.errors import UsageError
from picozoo.specs import QuantParams

METHODS = ("mse", "percentile", "minmax")
_SAMPLES_PER_CALL = 4096
_MOST_SAMPLES = 1 << 17


@dataclass
class Seen:
    """What one tensor held over all calibration calls: exact range, and evenly spaced samples of its values."""

    low: float = math.inf
    high: float = -math.inf
    samples: list[np.ndarray] = field(default_factory=list)
    count: int = 0

    def add(self, values: np.ndarray) -> None:
        """Note the values of one call."""
        flat = values.reshape(-1)
        if not flat.size:
            return
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        step = max(1, flat.size // _SAMPLES_PER_CALL)
        if self.count < _MOST_SAMPLES:
            # a changing first index, so that over many calls every position is seen
            self.samples.append(flat[len(self.samples) % step :: step].astype(np.float32))
            self.count += self.samples[-1].size

    def merge(self, other: Seen) -> None:
        """Take over what another tensor held; the two will share parameters."""
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.samples += other.samples
        self.count += other.count


def affine(low: float, high: float, bits: int = 8) -> QuantParams:
    """Asymmetric parameters for a range; zero is always exact.

    Example:
        >>> affine(0.0, 2.55).zero_point
        (-128,)
    """
    low, high = min(low, 0.0), max(high, 0.0)
    levels = (1 << bits) - 1
    scale = float(np.float32(max((high - low) / levels, 1e-8)))
    zero = round(-(1 << (bits - 1)) - low / scale)
    return QuantParams.tensor(scale, int(np.clip(zero, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)))


def power_of_two16(low: float, high: float) -> QuantParams:
    """Symmetric int16 parameters whose scale is a power of two (cell states of an LSTM).

    Example:
        >>> power_of_two16(-3.0, 2.5).scale[0] == 2.0 ** -13
        True
    """
    top = max(abs(low), abs(high), 2.0**-15)
    whole = max(0, math.ceil(math.log2(top * 32768 / 32767)))
    return QuantParams.tensor(2.0 ** -(15 - whole) if whole <= 15 else 1.0)


def symmetric16(low: float, high: float) -> QuantParams:
    """Symmetric int16 parameters for a range, zero point 0. No value is cut off: 16 bits have room.

    Example:
        >>> symmetric16(-32767.0, 100.0).scale
        (1.0,)
    """
    return QuantParams.tensor(max(abs(low), abs(high), 1e-6) / 32767)


def choose(seen: Seen, method: str) -> QuantParams:
    """int8 parameters for what was seen.

    Args:
        method: "minmax" keeps every value; "percentile" cuts 0.01 % at each end; "mse" shrinks both ends together by
            the factor, of 60 between 0.4 and 1, that gives the least squared error on the samples.

    Raises:
        UsageError: another method, or nothing was seen.

    Source: "mse" is the search of Banner et al., 2019 (the same objective, by grid instead of a formula).
    """
    if method not in METHODS:
        raise UsageError(f"calibration method must be one of {', '.join(METHODS)}, got {method!r}")
    if seen.low > seen.high:
        raise UsageError(
            "a tensor was never computed during calibration; give calibration data that reaches every function"
        )
    if method == "minmax":
        return affine(seen.low, seen.high)
    values = np.concatenate(seen.samples)
    if method == "percentile":
        low, high = np.percentile(values, [0.01, 99.99])
        return affine(float(low), float(high))
    best, chosen = math.inf, affine(seen.low, seen.high)
    for shrink in np.linspace(0.4, 1.0, 61)[::-1]:
        q = affine(seen.low * shrink, seen.high * shrink)
        error = _squared_error(values, q)
        if error < best * (1 - 1e-6):
            best, chosen = error, q
    return chosen


def _squared_error(values: np.ndarray, q: QuantParams) -> float:
    scale, zero = np.float32(q.scale[0]), q.zero_point[0]
    back = (np.clip(np.rint(values / scale) + zero, -128, 127) - zero) * scale
    return float(np.mean((values - back) ** 2))


def weight_params(w: np.ndarray, axis: int) -> QuantParams:
    """Symmetric int8, one scale per index of `axis`.

    A row whose weights are all but zero (a channel that training switched off) gets the largest row's scale: a scale of
    its own would keep nothing worth keeping, and its tiny multiplier would deny the layer the fast requantisation.
    """
    other = tuple(d for d in range(w.ndim) if d != axis)
    top = np.abs(w).max(axis=other).astype(np.float64)
    most = top.max(initial=0.0) or 127.0
    scale = (np.where(top > most * 1e-5, top, most) / 127).astype(np.float32)
    return QuantParams(tuple(float(s) for s in scale), (0,) * len(scale), axis)
