"""Judging Boltzmann machines: annealed importance sampling against adding up every state."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from picozoo.train import boltzmann  # noqa: E402


@pytest.mark.parametrize(("visible", "hidden", "scale"), [(30, 10, 0.5), (12, 25, 0.3), (16, 8, 1.0)])
def test_annealing_agrees_with_adding_up(visible: int, hidden: int, scale: float) -> None:
    m = boltzmann.Machine(visible, hidden, 2, 1)
    chance = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in (m.w, m.b, m.c):
            p.copy_(torch.randn(p.shape, generator=chance) * scale)
    exact = boltzmann.exact_log_partition(m)
    found, error = boltzmann.log_partition(m, torch.zeros(visible), temperatures=2000, runs=200, seed=3)
    assert error < 0.5
    assert abs(found - exact) < max(error, 0.02) * 1.5


def test_likelihoods_add_up_to_one() -> None:
    from itertools import product

    m = boltzmann.Machine(8, 5, 2, 1)
    with torch.no_grad():
        m.w.mul_(100)
        states = torch.tensor(list(product((0.0, 1.0), repeat=8)))
        total = torch.exp(-m.free_energy(states).double() - boltzmann.exact_log_partition(m)).sum()
    assert float(total) == pytest.approx(1, abs=1e-5)


def test_training_raises_the_likelihood() -> None:
    """Two kinds of picture, which a machine of four hidden units tells apart."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 400)
    x = torch.from_numpy(np.where(np.arange(12) % 2 == kind[:, None], 0.95, 0.05).astype(np.float32))

    def likelihood(m: boltzmann.Machine) -> float:
        with torch.no_grad():
            return float(-m.free_energy((x > 0.5).float()).mean()) - boltzmann.exact_log_partition(m)

    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        m = boltzmann.train(
            x, 4, epochs=60, rate=0.1, steps=lambda e: 1, seed=0, checkpoint=Path(folder), name="t", progress=None
        )
    assert likelihood(boltzmann.Machine(12, 4, 2, 0)) < -8
    assert likelihood(m) > -5
