"""The Boltzmann machine: its distribution, its sampling and its learning rule, against adding up every state."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from picozoo.zoo import boltzmann

torch = pytest.importorskip("torch")


def ties(scale: float, seed: int = 3) -> np.ndarray:
    w = np.random.default_rng(seed).normal(0, scale, (boltzmann.UNITS, boltzmann.UNITS))
    made: np.ndarray = ((w + w.T) / 2).astype(np.float32)
    return made


def states() -> np.ndarray:
    return np.array(list(product((0, 1), repeat=boltzmann.UNITS)), np.float64)


def chances(w: np.ndarray) -> np.ndarray:
    """Of every state, written out tie by tie, as the paper has its energy."""
    s, up = states(), np.triu_indices(boltzmann.UNITS, 1)
    energy = -(s[:, up[0]] * s[:, up[1]] * w[up].astype(np.float64)).sum(1) - s @ np.diag(w).astype(np.float64)
    p = np.exp(energy.min() - energy)
    made: np.ndarray = p / p.sum()
    return made


def machine(w: np.ndarray) -> torch.nn.Module:
    model = boltzmann.build()
    model.get_buffer("w").copy_(torch.from_numpy(w))
    return model


def test_fourteen_pictures() -> None:
    grids = boltzmann.whole().reshape(-1, 3, 3)
    rows, columns = (grids == grids[:, :, :1]).all((1, 2)), (grids == grids[:, :1]).all((1, 2))
    assert len(grids) == 14
    assert (rows | columns).all()
    assert (rows & columns).sum() == 2
    x, y = boltzmann.inputs("test")
    assert ((x == -1).sum(1) == 4).all()
    assert np.array_equal(np.where(x < 0, -1, y), x)
    assert not {v.tobytes() + t.tobytes() for v, t in zip(x, y, strict=True)} & {
        v.tobytes() + t.tobytes() for v, t in zip(*boltzmann.inputs("train"), strict=True)
    }


def test_the_distribution_is_that_of_all_states() -> None:
    w = ties(0.7)
    want = chances(w).reshape(512, -1).sum(1)
    found = boltzmann.distribution(w)
    assert np.allclose(found, want, rtol=1e-9)
    number = boltzmann.whole().astype(int) @ 2 ** np.arange(8, -1, -1)
    assert boltzmann.divergence(w) == pytest.approx(float((np.log(1 / 14) - np.log(want[number])).mean()))


def test_without_ties_inside_a_layer_it_is_a_restricted_one() -> None:
    from picozoo.train.boltzmann import Machine, exact_log_partition

    w = ties(0.7)
    visible = boltzmann.VISIBLE
    bias = np.diag(w).copy()
    w[:visible, :visible] = w[visible:, visible:] = 0
    np.fill_diagonal(w, bias)
    m = Machine(visible, boltzmann.HIDDEN, 1, 0)
    with torch.no_grad():
        m.w.copy_(torch.from_numpy(w[:visible, visible:]))
        m.b.copy_(torch.from_numpy(bias[:visible]))
        m.c.copy_(torch.from_numpy(bias[visible:]))
        every = torch.tensor(list(product((0.0, 1.0), repeat=visible)))
        want = torch.exp(-m.free_energy(every).double() - exact_log_partition(m)).numpy()
    assert np.allclose(boltzmann.distribution(w), want, rtol=1e-4)


def test_dreams_follow_the_distribution() -> None:
    w = ties(0.6)
    model = machine(w)
    with torch.no_grad():
        for _ in range(3):
            model.dream()  # type: ignore[operator]
        seen = np.concatenate([model.dream().numpy() for _ in range(60)])  # type: ignore[operator]
    number = seen.astype(int) @ 2 ** np.arange(8, -1, -1)
    share = np.bincount(number, minlength=512) / len(number)
    want = boltzmann.distribution(w)
    blind = np.full(512, 1 / 512)
    assert np.abs(share - want).sum() < 0.35  # of 2,520 dreams; far from each other means 2
    assert np.abs(blind - want).sum() > 0.8


def test_it_completes_with_the_right_chances() -> None:
    """Held dots stay, and at the last temperature the others fall as the exact conditional says."""
    w = ties(0.5)
    model = machine(w)
    x = np.array([1, 0, 1, 0, -1, 1, 1, 0, 0], np.float32)
    with torch.no_grad():
        made = np.stack([model.forward(torch.from_numpy(x)).numpy() for _ in range(150)])  # type: ignore[operator]
    assert (made[:, x >= 0] == x[x >= 0]).all()
    p = chances(w / boltzmann.ANNEALING[-1])
    fits = (states()[:, :9][:, x >= 0] == x[x >= 0]).all(1)
    want = p[fits & (states()[:, 4] == 1)].sum() / p[fits].sum()
    assert made[:, 4].mean() == pytest.approx(want, abs=0.12)


def test_learning_goes_down_the_exact_gradient() -> None:
    """The mean change of many lessons with the same ties is that of all states, awake less asleep."""
    w = ties(0.5)
    model = machine(w)
    x = torch.from_numpy(boltzmann.whole())
    total = np.zeros_like(w)
    lessons = 60
    with torch.no_grad():
        for _ in range(5):
            model.dream()  # type: ignore[operator]
        for _ in range(lessons):
            model.get_buffer("done").zero_()
            model.learn(x)  # type: ignore[operator]
            total += model.get_buffer("w").numpy() - w
            model.get_buffer("w").copy_(torch.from_numpy(w))
    s, p = states(), chances(w)
    awake = np.zeros((boltzmann.UNITS, boltzmann.UNITS))
    for picture in boltzmann.whole():
        fits = (s[:, :9] == picture).all(1)
        awake += (s[fits] * p[fits, None]).T @ s[fits] / p[fits].sum() / 14
    want = awake - (s * p[:, None]).T @ s
    found = total / lessons / boltzmann.RATE
    assert np.abs(found - want).max() < 0.08
    assert np.corrcoef(found.reshape(-1), want.reshape(-1))[0, 1] > 0.97
