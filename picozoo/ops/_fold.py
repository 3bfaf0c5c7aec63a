"""Requantisation in one multiplication and one shift, where it is proven to give the bits of TFLite's two roundings.

Outputs are a staircase over the sum: TFLite's rule (`_fixed_point.requantize`) goes up by one at 255 sums at most, the
rest is clamped. A line that is cut off to whole numbers, `(256 sum + offset) * multiplier >> (32 + shift)`, is such a
staircase too; the packer looks for the multiplier and offset that put every step at the same sum. The factor 256, which
the kernels give their inputs while they widen them, is what makes offsets fine enough. It exists where the steps lie on
a line, so not where outputs below the zero point matter: there halves are rounded the other way.

C side: `PZ_FOLDED` in `kernels/pz_dot.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picozoo.ops import _matmul8 as m8

SCALE = 256  # of the inputs, so of all sums
TRIES = 12  # offsets tried on either side of the exact one


@dataclass(frozen=True)
class Fold:
    """`(256 sum + offset) * multiplier >> (32 + shift)`; (n,) int64 arrays, n as of the `Requant`'s."""

    multiplier: np.ndarray
    offset: np.ndarray
    shift: int

    def bias(self, folded: np.ndarray) -> np.ndarray:
        """Where the scaled sums of each channel begin; folded: (out,) biases with the input's zero point in them."""
        return (SCALE * folded + self.offset).astype(np.int64)


def fold(w: np.ndarray, folded: np.ndarray, r: m8.Requant) -> Fold | None:
    """The line for a layer's weights (out, ...) and biases (out,), or None where there is none.

    Example:
        >>> r = m8.Requant(np.array([3 << 29]), np.array([-6]), 0, -128, -128, 127)
        >>> found = fold(np.full((1, 9), 50, np.int8), np.zeros(1, np.int64), r)
        >>> sums = np.arange(-57600, 57600)
        >>> line = (SCALE * sums + found.offset) * found.multiplier >> (32 + found.shift)
        >>> bool((np.clip(line, -128, 127) == r.apply(sums)).all())
        True
    """
    if r.once or r.lo < r.y_zero or r.hi <= r.lo or not r.multiplier.all():
        return None
    if r.shift.max() > -1 or r.shift.max() < -16 or r.shift.min() < -20:  # products below fit into 64 bits
        return None
    bound = np.abs(w.reshape(w.shape[0], -1).astype(np.int64)).sum(1) * 128 + np.abs(folded)
    if len(r.multiplier) == 1:
        bound = bound.max(keepdims=True)
    exact = SCALE * (0.5 + 2.0 ** (-r.shift - 1) + r.y_zero * 2.0**-r.shift) / (r.multiplier / 2.0**31)
    if (SCALE * bound + np.abs(exact) + TRIES >= 1 << 31).any():
        return None
    finest = int(-r.shift.max()) + 7  # beyond it multipliers leave int32
    for shift in dict.fromkeys((finest - finest % 4, finest)):  # few different ones: then layers can share their code
        found = _line(r, bound, np.round(exact).astype(np.int64), shift)
        if found is not None:
            return found
    return None


def _line(r: m8.Requant, bound: np.ndarray, near: np.ndarray, shift: int) -> Fold | None:
    """The widest choice of multipliers at one of the offsets near the exact one."""
    steps, ranks = _steps(r, bound), np.arange(r.lo + 1, r.hi + 1)
    offsets = near[:, None] + np.arange(-TRIES, TRIES + 1)
    least, most = np.ones(offsets.shape, np.int64), np.full(offsets.shape, (1 << 31) - 1)
    for step, rank in zip(steps.T[:, :, None], ranks.tolist(), strict=True):
        _narrow(least, most, SCALE * step + offsets, rank << (32 + shift), step <= bound[:, None])
    best = np.argmax(most - least, 1)[:, None]
    low, high = (np.take_along_axis(v, best, 1)[:, 0] for v in (least, most))
    if (high < low).any():
        return None
    return Fold((low + high) // 2, np.take_along_axis(offsets, best, 1)[:, 0], shift)


def _steps(r: m8.Requant, bound: np.ndarray) -> np.ndarray:
    """(n, hi - lo): the least sum at which each output above lo is reached; bound + 1 where none up to it does."""
    down = -r.shift[:, None]
    above = np.arange(r.lo + 1, r.hi + 1, dtype=np.int64) - r.y_zero
    high = (above << down) - (np.int64(1) << (down - 1))  # the least rounded product that the second rounding takes up
    return np.minimum(-(((1 << 30) - (high << 31)) // r.multiplier[:, None]), bound[:, None] + 1)


def _narrow(least: np.ndarray, most: np.ndarray, at: np.ndarray, want: int, reached: np.ndarray) -> None:
    """Keep the multipliers m with at * m >= want > (at - 256) * m: the output is reached at this sum, not one before.

    Args:
        reached: (n, 1), False where the first of the two is beyond what sums can be, and asks for nothing.
    """
    before = at - SCALE
    some, rest = np.where(at == 0, 1, at), np.where(before == 0, 1, before)
    np.maximum(least, -(-want // some), out=least, where=reached & (at > 0))
    np.minimum(most, want // some, out=most, where=reached & (at < 0))
    np.minimum(most, -(-want // rest) - 1, out=most, where=before > 0)
    np.maximum(least, want // rest + 1, out=least, where=before < 0)
    np.copyto(most, 0, where=(reached & (at == 0) & (want > 0)) | ((before == 0) & (want <= 0)))
