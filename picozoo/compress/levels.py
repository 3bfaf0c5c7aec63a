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

    Example:
        >>> NAMES["ternary"]
        Levels(bits=2, low=-1, high=1)
    """

    bits: int
    low: int
    high: int

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """The nearest level of each number."""
        return np.asarray(np.clip(np.rint(x), self.low, self.high))


NAMES = {
    "int8": Levels(8, -127, 127),
    "int4": Levels(4, -8, 7),
    "int2": Levels(2, -2, 1),
    "ternary": Levels(2, -1, 1),
}


def fit(w: np.ndarray, levels: Levels, cov: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Scales and levels of a layer's weights.

    Args:
        w: (out, k) real weights.
        cov: (k, k) covariance of the inputs; None: all inputs alike and independent, which makes it the nearest level.

    Returns:
        (scale (out,), levels (out, k)); w is about scale * levels.

    Example:
        >>> scale, q = fit(np.array([[0.5, -0.5, 0.0, 0.5]]), NAMES["ternary"])
        >>> scale.tolist(), q.tolist()
        ([0.5], [[1.0, -1.0, 0.0, 1.0]])
    """
    w = w.astype(np.float64)
    weight = np.ones(w.shape[1]) if cov is None else np.diag(cov) + DAMPING * max(np.diag(cov).mean(), 1e-30)
    scale = _scales(w, levels, weight)
    if cov is None:
        return scale, levels.nearest(w / scale[:, None])
    h = cov + np.eye(len(cov)) * DAMPING * max(np.diag(cov).mean(), 1e-30)
    best, chosen = np.full(len(w), np.inf), (scale, levels.nearest(w / scale[:, None]))
    order = np.argsort(-np.diag(h), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(h[np.ix_(order, order)])).T
    for _ in range(ROUNDS):
        q = np.empty_like(w)
        q[:, order] = _in_turn(w[:, order], scale, levels, upper)
        for _ in range(SWEEPS):
            q = _revisit(w, scale, q, levels, h)
            scale = _fitted(w, q, h, scale)
        error = _error(w, scale, q, h)
        better = error < best
        best = np.where(better, error, best)
        chosen = (np.where(better, scale, chosen[0]), np.where(better[:, None], q, chosen[1]))
    return chosen


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


def _in_turn(w: np.ndarray, scale: np.ndarray, levels: Levels, upper: np.ndarray) -> np.ndarray:
    """GPTQ: column after column, the error spread over those still to come; `upper` is Cholesky of the inverse."""
    left, q = w.copy(), np.empty_like(w)
    for j in range(w.shape[1]):
        q[:, j] = levels.nearest(left[:, j] / scale)
        error = (left[:, j] - q[:, j] * scale) / upper[j, j]
        left[:, j + 1 :] -= np.outer(error, upper[j, j + 1 :])
    return q


def _revisit(w: np.ndarray, scale: np.ndarray, q: np.ndarray, levels: Levels, h: np.ndarray) -> np.ndarray:
    """One sweep: each weight to the level that is best while all others stay."""
    q = q.copy()
    slope = (w - scale[:, None] * q) @ h
    for j in range(w.shape[1]):
        wanted = levels.nearest(q[:, j] + slope[:, j] / (scale * h[j, j]))
        step = wanted - q[:, j]
        if step.any():
            slope -= np.outer(scale * step, h[j])
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
