"""Units that answer to one place, exp(-gamma |x - c|^2): what svm and rbf share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from picozoo import pictures

if TYPE_CHECKING:
    import torch
    from torch import nn

GRID = (28, 18)  # how many points of a plane the board is asked about


def network(width: int, units: int, classes: int) -> nn.Module:
    """`forward(x)`: x float32 (1, width) -> scores float32 (1, classes).

    The exponent -gamma |x - c|^2 is a dense layer of (x, |x|^2), and the read-out another.
    """
    import torch
    from torch import nn

    class Kernel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.exponent = nn.Linear(width + 1, units)
            self.out = nn.Linear(units, classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            both = torch.cat([x, (x * x).sum(dim=1, keepdim=True)], dim=1)  # (N, D) -> (N, D + 1)
            scores: torch.Tensor = self.out(torch.exp(self.exponent(both)))  # -> (N, units) -> (N, classes)
            return scores

    return Kernel()


def fill(model: Any, centres: np.ndarray, gamma: np.ndarray, weights: np.ndarray, offset: np.ndarray) -> None:
    """Put units at `centres` (k, D) of width `gamma` (k,), output `weights` (classes, k) and `offset` into a model."""
    import torch

    exponent = np.concatenate([2 * gamma[:, None] * centres, -gamma[:, None]], axis=1)
    with torch.no_grad():
        model.exponent.weight.copy_(torch.from_numpy(exponent))
        model.exponent.bias.copy_(torch.from_numpy(-gamma * (centres**2).sum(1)))
        model.out.weight.copy_(torch.from_numpy(weights))
        model.out.bias.copy_(torch.from_numpy(offset))


def plane(
    board: pictures.Board, x: np.ndarray, pair: tuple[int, int]
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """What the board says of each place on the plane of two figures; the others are guessed from these by a straight
    line through the examples.

    Args:
        x: (n, D), the examples as the network takes them.
        pair: which two figures.

    Returns:
        Classes (18, 28), the first row at the bottom; left, right, bottom, top in the units of x.
    """
    two = x[:, list(pair)]
    low, high = two.min(0) - 0.2, two.max(0) + 0.2
    rest = [k for k in range(x.shape[1]) if k not in pair]
    guess = np.linalg.lstsq(np.concatenate([two, np.ones((len(two), 1))], 1), x[:, rest], rcond=None)[0]
    seen = np.zeros((GRID[1], GRID[0]))
    for r, v in enumerate(np.linspace(low[1], high[1], GRID[1])):
        for c, u in enumerate(np.linspace(low[0], high[0], GRID[0])):
            at = np.zeros((1, x.shape[1]), np.float32)
            at[0, list(pair)], at[0, rest] = (u, v), np.array([u, v, 1]) @ guess
            seen[r, c] = board.call_real("forward", at)[0].reshape(-1).argmax()
    return seen, (float(low[0]), float(high[0]), float(low[1]), float(high[1]))


def in_units(
    extent: tuple[float, float, float, float], mean: np.ndarray, deviation: np.ndarray
) -> tuple[float, float, float, float]:
    """The edges of a plane in the units of the table; mean and deviation (2,)."""
    left, right = (np.array(extent[:2]) * deviation[0] + mean[0]).tolist()
    bottom, top = (np.array(extent[2:]) * deviation[1] + mean[1]).tolist()
    return left, right, bottom, top
