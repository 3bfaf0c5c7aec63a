"""Handwritten digits as the networks that read them take them."""

from __future__ import annotations

import numpy as np

from picozoo import data


def inputs(split: str, limit: int | None = None, source: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels for scoring.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.
        source: "mnist" or "digits"; by default MNIST if it is here, else scikit-learn's digits.

    Returns:
        x float32 (n, 1, 1, 28, 28), 0..1; y int64 (n,).
    """
    part = data.load(source or ("mnist" if data.available("mnist") else "digits"), split)
    x = part.x[:limit].astype(np.float32) / np.float32(255)
    return x[:, None, None], part.y[:limit]
