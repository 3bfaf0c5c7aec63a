"""How far drawn digits are from written ones: the Frechet distance between what LeNet-5 makes of both."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import nn

BATCH = 1000


@cache
def reader() -> nn.Module:
    """The project's own digit classifier, LeNet-5, with the weights of the shipped artefact."""
    from picozoo.network import load
    from picozoo.train.weights import trained

    module: Any = trained(load("lenet5"))
    return module.eval()  # type: ignore[no-any-return]


@torch.no_grad()
def look(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What LeNet-5 makes of pictures.

    Args:
        x: float32 (n, 28, 28), 0 paper to 1 ink.

    Returns:
        Features float64 (n, 84), the last hidden layer (F6) after its relu; and shares of the ten digits, (n, 10).
    """
    net: Any = reader()
    kept: list[torch.Tensor] = []
    hook = net.out.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    try:
        parts = torch.split(torch.from_numpy(x)[:, None], BATCH)
        shares = [torch.softmax(net(part), 1) for part in parts]
    finally:
        hook.remove()
    return torch.cat(kept).double().numpy(), torch.cat(shares).double().numpy()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Frechet distance of two clouds of features, each taken for a Gaussian; 0 if mean and covariance agree.

    Args:
        a, b: float64 (n, k) each, n well above k: with few rows the distance is too large.

    Source: Dowson and Landau, 1982; with the features of a classifier: Heusel and others, 2017 (FID). Differs: theirs
    is Inception-v3, so the numbers of the two cannot be compared.

    Example:
        >>> a = np.random.default_rng(0).normal(size=(1000, 3))
        >>> round(distance(a, a), 6), round(distance(a, a + 2), 6)  # three features moved by two
        (0.0, 12.0)
    """
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cb @ root), 0)).sum()  # trace of the root of ca cb
    gap = a.mean(0) - b.mean(0)
    return max(0.0, float(gap @ gap + np.trace(ca) + np.trace(cb) - 2 * both))
