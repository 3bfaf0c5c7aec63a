"""Turned digits: something that a network which reads upright ones can still learn on the board."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Examples = tuple[np.ndarray, np.ndarray]
DEGREES, SHOWN = 60, 200
AFTER = 2000  # training digits before these were looked at when the angle and the rate were chosen


def adaptation(inputs: Callable[[str, int], Examples], tests: int) -> tuple[str, Examples, Examples]:
    """What `adapt` of a network of digits gives.

    Args:
        inputs: (split, limit) -> x float32 (n, 1, 1, 28, 28) and y int64 (n,).
        tests: turned test digits to measure with.
    """
    x, y = inputs("train", AFTER + SHOWN)
    tx, ty = inputs("test", tests)
    stream = turn(x[-SHOWN:], DEGREES), y[-SHOWN:]
    return f"digits turned by {DEGREES} degrees", stream, (turn(tx, DEGREES), ty)


def turn(x: np.ndarray, degrees: float) -> np.ndarray:
    """Pictures turned to the left about their middle, bilinear; what comes from outside is 0.

    Args:
        x: float32 (..., H, W).

    Example:
        >>> turn(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), 90).round(3).tolist()
        [[2.0, 4.0], [1.0, 3.0]]
    """
    h, w = x.shape[-2:]
    a = np.deg2rad(degrees)
    row, column = np.mgrid[:h, :w] - np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    up, across = row * np.cos(a) + column * np.sin(a), column * np.cos(a) - row * np.sin(a)
    up, across = up + (h - 1) / 2, across + (w - 1) / 2
    top, left = np.floor(up + 1e-9).astype(int), np.floor(across + 1e-9).astype(int)
    made = np.zeros_like(x)
    for dy in (0, 1):
        for dx in (0, 1):
            share = np.maximum(1 - np.abs(up - top - dy), 0) * np.maximum(1 - np.abs(across - left - dx), 0)
            inside = (top + dy >= 0) & (top + dy < h) & (left + dx >= 0) & (left + dx < w)
            seen = x[..., np.clip(top + dy, 0, h - 1), np.clip(left + dx, 0, w - 1)]
            made += (seen * (share * inside)).astype(x.dtype)
    return made
