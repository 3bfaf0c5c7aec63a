"""What networks that read tables share: columns brought to one scale, k-means, the silhouette. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picozoo import data


@dataclass(frozen=True)
class Scaled:
    """A part of a table with every column at mean 0 and deviation 1 over the training part.

    Args:
        x: float32 (n, columns).
        y: int64 (n,).
        mean, deviation: float64 (columns,), of the training part, in the units of the table.
    """

    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def scaled(name: str, split: str, columns: tuple[int, ...] = ()) -> Scaled:
    """One part of a table, scaled.

    Args:
        columns: which columns, all if none are named.
    """
    train = data.load(name, "train")
    part = train if split == "train" else data.load(name, split)
    pick = list(columns) or list(range(train.x.shape[1]))
    known = train.x[:, pick].astype(np.float64)
    mean, deviation = known.mean(0), known.std(0)
    return Scaled(((part.x[:, pick] - mean) / deviation).astype(np.float32), part.y, mean, deviation)


def distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances, float64 (n, k); x (n, d), centres (k, d)."""
    a, b = np.asarray(x, np.float64), np.asarray(centres, np.float64)
    found: np.ndarray = ((a[:, None] - b[None]) ** 2).sum(2)
    return found


def spread_start(x: np.ndarray, k: int, chance: np.random.Generator) -> np.ndarray:
    """k rows of x, each drawn with a chance that grows with its distance from those before.

    Source: D. Arthur, S. Vassilvitskii, k-means++, SODA 2007.
    """
    picked = [int(chance.integers(len(x)))]
    while len(picked) < k:
        near = distances(x, x[picked]).min(1)
        picked.append(int(chance.choice(len(x), p=near / near.sum())))
    return x[picked].copy()


def lloyd(x: np.ndarray, centres: np.ndarray, most: int = 300) -> tuple[np.ndarray, float]:
    """k-means from given centres until nothing changes.

    Returns:
        Centres float64 (k, d), and the sum of squared distances to them. An empty group keeps its centre.
    """
    centres = np.asarray(centres, np.float64)
    for _ in range(most):
        own = distances(x, centres).argmin(1)
        new = np.stack(
            [x[own == j].mean(0, dtype=np.float64) if (own == j).any() else c for j, c in enumerate(centres)]
        )
        if np.array_equal(new, centres):
            break
        centres = new
    return centres, float(distances(x, centres).min(1).sum())


def silhouette(x: np.ndarray, groups: np.ndarray) -> float:
    """How much nearer points are to their own group than to the next, mean over all points: -1 to 1; 0 for one group.

    Source: P. J. Rousseeuw, Journal of Computational and Applied Mathematics 20, 1987.

    Example:
        >>> round(silhouette(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])), 3)
        0.9
    """
    names = np.unique(groups)
    if len(names) < 2:
        return 0.0
    far = np.sqrt(distances(x, x))
    sizes = np.array([(groups == g).sum() for g in names])
    sums = np.stack([far[:, groups == g].sum(1) for g in names], axis=1)
    own = np.searchsorted(names, groups)
    every = np.arange(len(x))
    inside = sums[every, own] / np.maximum(sizes[own] - 1, 1)
    outside = sums / sizes
    outside[every, own] = np.inf
    nearest = outside.min(1)
    share = np.where(sizes[own] > 1, (nearest - inside) / np.maximum(nearest, inside), 0.0)
    return float(share.mean())
