"""Training and judging of restricted Boltzmann machines: contrastive divergence, and annealed importance sampling."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, softplus

from picozoo.train import loop
from picozoo.zoo._card import Progress


class Machine(nn.Module):
    """Visible and hidden units 0 or 1; energy -v W h - b v - c h. W is (visible, hidden).

    `chain` are the persistent chains of the negative phase, `mean_v` and `mean_h` the running means of the units.
    """

    chain: torch.Tensor
    mean_v: torch.Tensor
    mean_h: torch.Tensor

    def __init__(self, visible: int, hidden: int, chains: int, seed: int) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(seed)
        self.w = nn.Parameter(torch.randn(visible, hidden, generator=chance) * 0.01)
        self.b = nn.Parameter(torch.zeros(visible))
        self.c = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("chain", (torch.rand(chains, hidden, generator=chance) < 0.5).float())
        self.register_buffer("mean_v", torch.full((visible,), 0.5))
        self.register_buffer("mean_h", torch.full((hidden,), 0.5))

    def hidden(self, v: torch.Tensor) -> torch.Tensor:
        """Probabilities of the hidden units: (B, visible) -> (B, hidden)."""
        return torch.sigmoid(linear(v, self.w.T, self.c))

    def visible(self, h: torch.Tensor) -> torch.Tensor:
        """Probabilities of the visible units: (B, hidden) -> (B, visible)."""
        return torch.sigmoid(linear(h, self.w, self.b))

    def free_energy(self, v: torch.Tensor) -> torch.Tensor:
        """-log sum over h of exp(-energy): (B, visible) -> (B,)."""
        return -(v @ self.b) - softplus(linear(v, self.w.T, self.c)).sum(1)


def coin(p: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """1.0 with probability p, else 0.0."""
    return (torch.rand(p.shape, generator=chance) < p).float()


def gradient(m: Machine, v: torch.Tensor, steps: int, chance: torch.Generator) -> float:
    """Put the centred gradient of the log-likelihood into `.grad` (with the sign of a loss); move the chains.

    Args:
        v: (B, visible), 0 or 1.
        steps: Gibbs steps of the persistent chains.

    Returns:
        The mean squared difference of data and their one-step reconstruction, to watch.

    Source: Tieleman 2008 (persistent chains); Melchior, Fischer, Wiskott 2016 (centring: both kinds of unit are taken
    relative to their means, so that the biases do not have to be learnt before the weights).
    """
    h = m.hidden(v)
    g = m.chain
    for _ in range(steps):
        u = coin(m.visible(g), chance)
        p = m.hidden(u)
        g = coin(p, chance)
    m.chain.copy_(g)
    keep = 0.99
    m.mean_v.mul_(keep).add_(0.5 * (v.mean(0) + u.mean(0)), alpha=1 - keep)
    m.mean_h.mul_(keep).add_(0.5 * (h.mean(0) + p.mean(0)), alpha=1 - keep)
    dw = (v - m.mean_v).T @ (h - m.mean_h) / len(v) - (u - m.mean_v).T @ (p - m.mean_h) / len(u)
    m.w.grad = -dw
    m.b.grad = -(v.mean(0) - u.mean(0) - dw @ m.mean_h)
    m.c.grad = -(h.mean(0) - p.mean(0) - m.mean_v @ dw)
    return float((m.visible(h[:20]) - v[:20]).square().mean())


def train(
    x: torch.Tensor,
    hidden: int,
    *,
    epochs: int,
    rate: float,
    steps: Callable[[int], int],
    seed: int,
    checkpoint: Path,
    name: str,
    progress: Progress | None,
    batch: int = 100,
    decay: float = 1e-4,
    draw: bool = True,
) -> Machine:
    """Train by stochastic maximum likelihood; the rate falls linearly to zero.

    Args:
        x: (n, visible), 0 to 1: probabilities that are drawn anew for each batch (`draw`), or used as they are.
        steps: epoch -> Gibbs steps per batch.
        checkpoint: folder to resume from.

    Returns:
        The machine; the same seed gives the same bytes.
    """
    m = Machine(x.shape[1], hidden, batch, seed)
    with torch.no_grad():
        p = x.mean(0).clamp(0.005, 0.995)
        m.b.copy_(torch.log(p / (1 - p)))
        m.mean_v.copy_(p)
    optimiser = torch.optim.SGD(
        [{"params": [m.w], "weight_decay": decay}, {"params": [m.b, m.c], "weight_decay": 0.0}], lr=rate
    )

    def step(epoch: int) -> float:
        chance = torch.Generator().manual_seed(seed * 1000 + epoch)
        order = torch.randperm(len(x), generator=chance)
        seen = []
        with torch.no_grad():
            for at in range(0, len(order) - batch + 1, batch):
                v = x[order[at : at + batch]]
                seen.append(gradient(m, coin(v, chance) if draw else v, steps(epoch), chance))
                optimiser.step()
        return float(np.mean(seen))

    key = f"{name}-{hidden}-{epochs}-{seed}-{len(x)}-{rate}"
    resume = loop.Checkpoint(checkpoint, name, key)
    loop.epochs(step, m, optimiser, lambda e: rate * (1 - e / epochs), epochs, resume, progress)
    return m


@torch.no_grad()
def log_partition(m: Machine, base: torch.Tensor, *, temperatures: int, runs: int, seed: int) -> tuple[float, float]:
    """Log of the partition function, by annealed importance sampling.

    Args:
        base: biases of the visible units of the starting distribution (no hidden units are tied to it), (visible,).
        temperatures: intermediate distributions; more are more exact.
        runs: independent runs that are averaged.

    Returns:
        The estimate, and three standard errors of it in nats.

    Source: Salakhutdinov and Murray, On the quantitative analysis of deep belief networks, ICML 2008.
    """
    chance = torch.Generator().manual_seed(seed)
    w, b, c = m.w.detach(), m.b.detach(), m.c.detach()
    v = coin(torch.sigmoid(base).expand(runs, -1), chance)
    betas = torch.linspace(0, 1, temperatures + 1, dtype=torch.float64)
    log_weight = torch.zeros(runs, dtype=torch.float64)

    def unnormalised(v: torch.Tensor, hears: torch.Tensor, k: float) -> torch.Tensor:
        at = v @ ((1 - k) * base + k * b)
        return at.double() + softplus(k * hears).double().sum(1)

    hears = v @ w + c
    for at in range(1, temperatures + 1):
        k0, k1 = float(betas[at - 1]), float(betas[at])
        log_weight += unnormalised(v, hears, k1) - unnormalised(v, hears, k0)
        if at < temperatures:
            h = coin(torch.sigmoid(k1 * hears), chance)
            v = coin(torch.sigmoid((1 - k1) * base + k1 * (h @ w.T + b)), chance)
            hears = v @ w + c
    start = float(softplus(base.double()).sum()) + len(c) * float(np.log(2))
    top = float(log_weight.max())
    weights = torch.exp(log_weight - top)
    mean = float(weights.mean())
    error = float(weights.std()) / mean / runs**0.5
    return start + top + float(np.log(mean)), 3 * error


@torch.no_grad()
def exact_log_partition(m: Machine) -> float:
    """The same by adding up every state of the smaller side; at most 20 units."""
    visible, hidden = m.w.shape
    flip = hidden < visible
    n = min(visible, hidden)
    w, own, other = (m.w.double().T, m.c, m.b) if flip else (m.w.double(), m.b, m.c)
    states = torch.tensor(list(product((0.0, 1.0), repeat=n)), dtype=torch.float64)
    terms = states @ own.double() + softplus(states @ w + other.double()).sum(1)
    return float(torch.logsumexp(terms, 0))
