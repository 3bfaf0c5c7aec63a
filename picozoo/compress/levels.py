"""Weights on a few levels: the scale of each channel and the level of each weight that keep a layer's outputs close.

Rounding each weight to its nearest level is naive: errors of neighbouring inputs add up. Here each weight is rounded in
turn and its error made up for by those not yet rounded, with the covariance of the layer's inputs (Frantar et al.,
2023, "GPTQ"); then weights are revisited one at a time while that still lowers the error (Behdin et al., 2023,
"QuantEase"), and the scale is fitted again. All of it minimises the squared error of a layer's sums on the
calibration inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAMPING = 0.01  # of the mean variance, so that inputs that hardly vary do not decide
RATIOS = np.linspace(0.25, 1.25, 41)  # of the scale that just reaches the largest weight
ROUNDS = 3
SWEEPS = 4


@dataclass(frozen=True)
class Levels:
    """Weights are integers from `low` to `high`, stored in `bits` bits.

    Args:
        group: places of a window that share a factor from 1 to `most` in each channel; 0: none, one scale a channel.

    Example:
        >>> NAMES["ternary"], NAMES["int4"].most
        (Levels(bits=2, low=-1, high=1, group=0), 15)
    """

    bits: int
    low: int
    high: int
    group: int = 0

    @property
    def most(self) -> int:
        """The largest factor of a group: all that fits into the bits, times it, is still int8."""
        return 127 >> self.bits - 1

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """The nearest level of each number."""
        return np.asarray(np.clip(np.rint(x), self.low, self.high))


NAMES = {
    "int8": Levels(8, -127, 127),
    "int4": Levels(4, -8, 7),
    "int2": Levels(2, -2, 1),
    "ternary": Levels(2, -1, 1),
}


def fit(
    w: np.ndarray, levels: Levels, cov: np.ndarray | None = None, group: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Scales and integers of a layer's weights.

    Args:
        w: (out, k) real weights.
        cov: (k, k) covariance of the inputs; None: all inputs alike and independent, which makes it the nearest level.
        group: (k,) the group of each weight, from 0 on; None: all in one.

    Returns:
        (scale (out,), integers (out, k)); w is about scale * integers. Integers are levels, with groups a level times
        the factor of its group.

    Example:
        >>> scale, q = fit(np.array([[0.5, -0.5, 0.0, 0.5]]), NAMES["ternary"])
        >>> scale.tolist(), q.tolist()
        ([0.5], [[1.0, -1.0, 0.0, 1.0]])
        >>> scale, q = fit(np.array([[0.5, -0.5, 0.1, 0.1]]), NAMES["ternary"], None, np.array([0, 0, 1, 1]))
        >>> (scale.round(4) * q[0, ::2]).round(2).tolist()
        [0.5, 0.1]
    """
    w = w.astype(np.float64)
    damping = DAMPING * (1.0 if cov is None else max(np.diag(cov).mean(), 1e-30))
    weight = np.ones(w.shape[1]) if cov is None else np.diag(cov) + damping
    scale, times = _scales(w, levels, weight), np.ones_like(w)
    if group is not None and group.max(initial=0) > 0:
        parts = [_scales(w[:, group == g], levels, weight[group == g]) for g in range(group.max() + 1)]
        scale, times = _factors(np.stack(parts, 1), levels, group)
    q = levels.nearest(w / (scale[:, None] * times))
    if cov is None:
        return scale, q * times
    h = cov + np.eye(len(cov)) * damping
    best, chosen = np.full(len(w), np.inf), (scale, q * times)
    order = np.argsort(-np.diag(h), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(h[np.ix_(order, order)])).T
    for _ in range(ROUNDS):
        q = np.empty_like(w)
        q[:, order] = _in_turn(w[:, order], (scale[:, None] * times)[:, order], levels, upper)
        for _ in range(SWEEPS):
            q = _revisit(w, scale[:, None] * times, q, levels, h)
            scale = _fitted(w, q * times, h, scale)
        error = _error(w, scale, q * times, h)
        better = error < best
        best = np.where(better, error, best)
        chosen = (np.where(better, scale, chosen[0]), np.where(better[:, None], q * times, chosen[1]))
        if group is not None and group.max(initial=0) > 0:
            scale, times = _factors(_parts(w, q, h, scale[:, None] * times, group), levels, group)
    return chosen


def _factors(parts: np.ndarray, levels: Levels, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scales of groups (out, groups) as a scale (out,) and whole factors from 1 to `levels.most` (out, k)."""
    scale = parts.max(1) / levels.most
    times = np.clip(np.rint(parts / scale[:, None]), 1, levels.most)
    return scale, times[:, group]


def _parts(w: np.ndarray, q: np.ndarray, h: np.ndarray, step: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(out, groups): the scales with the least error for these levels; the old one where it would not be > 0."""
    groups = int(group.max()) + 1
    old = np.stack([step[:, np.argmax(group == g)] for g in range(groups)], 1)
    alone = q[:, None, :] * (group == np.arange(groups)[:, None])  # (out, groups, k)
    seen = alone @ h
    square = seen @ alone.transpose(0, 2, 1)
    wanted = (seen * w[:, None]).sum(2)
    fitted = np.stack([np.linalg.lstsq(a, b, rcond=1e-9)[0] for a, b in zip(square, wanted, strict=True)])
    return np.where(fitted > 0, fitted, old)


def _scales(w: np.ndarray, levels: Levels, weight: np.ndarray) -> np.ndarray:
    """For each channel the scale with the least weighted squared error of rounding to the nearest."""
    top = np.abs(w).max(axis=1)
    full = np.where(top > 0, top, max(top.max(initial=0.0), 1e-12)) / ((levels.high - levels.low) / 2)
    best, found = np.full(len(w), np.inf), full.copy()
    for ratio in RATIOS:
        s = full * ratio
        error = ((w - levels.nearest(w / s[:, None]) * s[:, None]) ** 2 @ weight).reshape(-1)
        found, best = np.where(error < best, s, found), np.minimum(error, best)
    return np.asarray(found)


def _in_turn(w: np.ndarray, step: np.ndarray, levels: Levels, upper: np.ndarray) -> np.ndarray:
    """GPTQ: column after column, the error spread over those still to come; `upper` is Cholesky of the inverse.

    Args:
        step: (out, k), what a level of each weight is worth.
    """
    left, q = w.copy(), np.empty_like(w)
    for j in range(w.shape[1]):
        q[:, j] = levels.nearest(left[:, j] / step[:, j])
        error = (left[:, j] - q[:, j] * step[:, j]) / upper[j, j]
        left[:, j + 1 :] -= np.outer(error, upper[j, j + 1 :])
    return q


def _revisit(w: np.ndarray, step: np.ndarray, q: np.ndarray, levels: Levels, h: np.ndarray) -> np.ndarray:
    """One sweep: each weight to the level that is best while all others stay."""
    q = q.copy()
    slope = (w - step * q) @ h
    for j in range(w.shape[1]):
        wanted = levels.nearest(q[:, j] + slope[:, j] / (step[:, j] * h[j, j]))
        change = wanted - q[:, j]
        if change.any():
            slope -= np.outer(step[:, j] * change, h[j])
            q[:, j] = wanted
    return q


def _fitted(w: np.ndarray, q: np.ndarray, h: np.ndarray, old: np.ndarray) -> np.ndarray:
    """The scale with the least error for these levels; the old one where all levels are zero or it would not be > 0."""
    qh = q @ h
    under = (qh * q).sum(1)
    fitted = (qh * w).sum(1) / np.where(under > 0, under, 1.0)
    return np.asarray(np.where((under > 0) & (fitted > 0), fitted, old))


def _error(w: np.ndarray, scale: np.ndarray, q: np.ndarray, h: np.ndarray) -> np.ndarray:
    d = w - scale[:, None] * q
    return np.asarray(((d @ h) * d).sum(1))


__all__ = ["NAMES", "Levels", "fit"]
