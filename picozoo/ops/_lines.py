"""Requantisation in one multiplication and one shift for outputs of any sign: a line for sums from zero on, one below.

As in `_fold.py`, but TFLite's rule rounds halves away from zero, so that its staircase has two parts that meet at a sum
of zero, with the same steepness and other offsets. C side: `PZ_LINE` and `PZ_LINES` in `kernels/pz_x86.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picozoo.ops import _matmul8 as m8
from picozoo.ops._fold import SCALE, TRIES


@dataclass(frozen=True)
class Lines:
    """`(256 sum + start, and less where sum < 0) * multiplier >> (32 + shift)`; (out,) int64 arrays.

    `two`: sums below zero matter; otherwise `less` is zeros, and outputs below the limit come out below it.
    """

    multiplier: np.ndarray
    start: np.ndarray
    less: np.ndarray
    shift: int
    two: bool

    @property
    def form(self) -> str:
        """What kernels call it."""
        return "PZ_LINES" if self.two else "PZ_LINE"

    def apply(self, sums: np.ndarray) -> np.ndarray:
        """Outputs of sums (..., out), not yet limited."""
        line = SCALE * sums + self.start + np.where(sums < 0, self.less, 0)
        found: np.ndarray = line * self.multiplier >> (32 + self.shift)
        return found


def lines(w: np.ndarray, folded: np.ndarray, r: m8.Requant) -> Lines | None:
    """The lines for a layer's weights (out, ...) and biases (out,) with the input's zero point in them, or None.

    Example:
        >>> r = m8.Requant(np.array([3 << 29]), np.array([-6]), 0, 5, -128, 127)
        >>> found = lines(np.full((1, 9), 50, np.int8), np.zeros(1, np.int64), r)
        >>> sums = np.arange(-57600, 57600)[:, None]
        >>> bool((np.clip(found.apply(sums), -128, 127) == r.apply(sums)).all())
        True
    """
    if r.once or r.hi <= r.lo or not r.multiplier.all():
        return None
    if r.shift.max() > -1 or r.shift.max() < -16 or r.shift.min() < -20:  # products below fit into 64 bits
        return None
    out = len(w)
    m, down = np.broadcast_to(r.multiplier, (out,)), np.broadcast_to(-r.shift, (out,))
    bound = np.abs(w.reshape(out, -1).astype(np.int64)).sum(1) * 128 + np.abs(folded)
    halves = np.stack([2.0 ** (down - 1), 2.0 ** (down - 1) - 1])  # halves of sums below zero go down
    exact = np.round(SCALE * (0.5 + halves + r.y_zero * 2.0**down) / (m / 2.0**31)).astype(np.int64)
    if (SCALE * bound + np.abs(exact).max(0) + TRIES >= 1 << 31).any():
        return None
    shift, ranks = int(down.min()) + 7, np.arange(r.lo + 1, r.hi + 1)  # beyond it multipliers leave int32
    above = ranks - r.y_zero
    high = (above << down[:, None]) - (np.int64(1) << (down[:, None] - 1)) + (above <= 0)
    steps = -(((1 << 30) - (high << 31)) // m[:, None])  # the least sums that reach the outputs
    near = exact[:, :, None] + np.arange(-TRIES, TRIES + 1)
    wants = (ranks << (32 + shift)).tolist()
    two = r.lo < r.y_zero
    first = _choices(near[0], steps, bound, wants, np.zeros_like(bound) if two else -bound, bound)
    second = _choices(near[1], steps, bound, wants, -bound, np.full_like(bound, -1)) if two else _anything(near[1])
    least = np.maximum(first[0][:, :, None], second[0][:, None])
    most = np.minimum(first[1][:, :, None], second[1][:, None])
    best = np.argmax((most - least).reshape(out, -1), 1)
    low, top = (np.take_along_axis(v.reshape(out, -1), best[:, None], 1)[:, 0] for v in (least, most))
    if (top < low).any():
        return None
    start, other = (near[k][np.arange(out), i] for k, i in enumerate(divmod(best, near.shape[2])))
    return Lines((low + top) // 2, start, other - start if two else np.zeros_like(start), shift, two)


def _anything(near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(near.shape, np.int64), np.full(near.shape, (1 << 31) - 1)


def _choices(
    offsets: np.ndarray, steps: np.ndarray, bound: np.ndarray, wants: list[int], first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest multipliers (out, offsets) that put all steps right for sums from `first` to `last`."""
    least, most = _anything(offsets)
    for step, want in zip(steps.T, wants, strict=True):
        at = np.maximum(step, first)  # reached here, and not one before
        _narrow(least, most, SCALE * at[:, None] + offsets, want, (step <= last)[:, None], True)
        before = np.minimum(step - 1, last)
        _narrow(least, most, SCALE * before[:, None] + offsets, want - 1, (before >= first)[:, None], False)
    return least, most


def _narrow(least: np.ndarray, most: np.ndarray, at: np.ndarray, want: int, where: np.ndarray, reaches: bool) -> None:
    """Keep the multipliers m with at * m >= want, or at * m <= want."""
    some = np.where(at == 0, 1, at)
    up, floor = -(-want // some), want // some
    from_here, to_here = (at > 0, at < 0) if reaches else (at < 0, at > 0)
    np.maximum(least, up, out=least, where=where & from_here)
    np.minimum(most, floor, out=most, where=where & to_here)
    never = want > 0 if reaches else want < 0
    np.copyto(most, 0, where=where & (at == 0) & never)
