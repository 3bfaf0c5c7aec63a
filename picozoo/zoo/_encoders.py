"""What the auto-encoders share: digits as rows of dots, how well a picture was given back, their training loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data
from picozoo.zoo._card import Progress

if TYPE_CHECKING:
    import torch
    from torch import nn

SIDE = 28
DOTS = SIDE * SIDE
DATA = ("mnist", "digits")
LICENCE = "MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0"


def source() -> str:
    """MNIST if it is here, else scikit-learn's digits."""
    return "mnist" if data.available("mnist") else "digits"


def digits(split: str, limit: int | None = None, name: str = "") -> np.ndarray:
    """The first `limit` pictures, float32 (n, 1, 784), 0 paper to 1 ink."""
    x = data.load(name or source(), split).x[:limit]
    return x.reshape(-1, 1, DOTS).astype(np.float32) / np.float32(255)


def one_of_each(count: int = 10) -> np.ndarray:
    """Where the first 0, the first 1 ... of the test digits are."""
    labels = data.load(source(), "test").y
    return np.array([int(np.argmax(labels == d)) for d in range(count)])


def explained(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of the pictures' variance that is given back, 1 for all of it; below 0 counts as 0.

    Args:
        outputs, y: (n, 1, 784). What is not explained: squared error over squared distance from the mean picture of y.

    Example:
        >>> explained(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
        0.0
    """
    a, b = np.asarray(outputs, np.float64).reshape(len(y), -1), np.asarray(y, np.float64).reshape(len(y), -1)
    return max(0.0, 1 - float(((a - b) ** 2).sum() / max(((b - b.mean(0)) ** 2).sum(), 1e-12)))


def principal(known: np.ndarray, x: np.ndarray, components: int) -> np.ndarray:
    """x from its first principal components: what the best linear auto-encoder with so long a code gives back.

    Args:
        known: (n, D), what the components are of.
        x: (m, D).
    """
    a = known.astype(np.float64)
    middle = a.mean(0)
    axes = np.linalg.eigh(np.cov(a, rowvar=False))[1][:, -components:]
    found: np.ndarray = (x - middle) @ axes @ axes.T + middle
    return found


def fit(
    model: nn.Module,
    x: torch.Tensor,
    loss: Callable[[torch.Tensor, torch.Generator, int], torch.Tensor],
    *,
    name: str,
    out: str | os.PathLike[str],
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    progress: Progress | None,
) -> None:
    """Adam with a rate that falls to almost nothing along a cosine; a stopped run goes on from its checkpoint. Weights
    end as numbers of float16.

    Args:
        x: (n, D), what it learns from.
        loss: of rows of x, with chance that is the same in every run, in an epoch (from 0).
        name: of the checkpoint: the network and its size.
    """
    import torch

    from picozoo.train import loop

    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)

    def step(epoch: int) -> float:
        chance = torch.Generator().manual_seed(seed * 1000 + epoch)
        order = torch.randperm(len(x), generator=chance)
        losses = []
        for at in range(0, len(order), batch):
            cost = loss(x[order[at : at + batch]], chance, epoch)
            optimiser.zero_grad()
            cost.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(float(cost.detach()))
        return float(np.mean(losses))

    numbers = sum(p.numel() for p in model.parameters())
    checkpoint = loop.Checkpoint(out, name, f"{name}-{numbers}-{seed}-{epochs}-{batch}-{rate}-{len(x)}")
    loop.epochs(step, model, optimiser, loop.cosine(rate, epochs), epochs, checkpoint, progress)
    loop.halve(model.eval())


def picture(dots: np.ndarray) -> np.ndarray:
    """784 dots as a tile (28, 28)."""
    return np.asarray(dots, np.float32).reshape(SIDE, SIDE)


def sheet(rows: list[np.ndarray], columns: int) -> np.ndarray:
    """Many pictures of 784 dots as one, row by row from the top: (28 x rows, 28 x columns)."""
    tiles = np.stack([picture(v) for v in rows]).reshape(-1, columns, SIDE, SIDE)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, columns * SIDE)
