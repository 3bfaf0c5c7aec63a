"""Support vector machine (1992-1995): the widest margin between two classes, in a space that a kernel opens.

x -> exp(-gamma |x - s|^2) for each support vector s -> weighted sum -> score above or below zero, one per class
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.errors import PicozooError
from picozoo.zoo import _kernel, _tables
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="svm",
    title="Support vector machine",
    family="dense",
    year=1995,
    authors="C. Cortes, V. Vapnik",
    paper="Support-vector networks, Machine Learning 20, 1995 (with B. E. Boser, I. M. Guyon, COLT 1992: the kernel)",
    task="Tells forged banknotes from genuine ones (or three species of penguins) by the widest margin.",
    introduced="The boundary that is farthest from both classes; only the examples at its edge matter, and a kernel.",
    why_it_mattered=(
        "The best classifier of its decade, with a theory to go with it; neural networks were out of fashion."
    ),
    differs_from_paper=(
        "The offset is part of the kernel (1 is added to it), so that training is a search along one multiplier at a "
        "time (C.-J. Hsieh and others, 2008); the paper has a separate offset and a constraint for it.",
        "Three species are three machines, each one against the rest.",
    ),
    data=("banknote",),
    data_licence="CC BY 4.0 (banknotes), CC0 (penguins)",
    metric="share of held-out notes (or birds) told right",
    target=0.99,
    board={"default": "uno", "penguins": "uno"},
    boards=("pico", "nano33ble", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    sizes=("default", "penguins"),
    train_minutes=0.1,
    quick={"accuracy": 0.99},
    results={"accuracy": 1.0, "accuracy_sklearn": 1.0, "penguins_accuracy": 1.0, "penguins_accuracy_sklearn": 1.0},
    cells="input 3 > kernel 4 > output 2",
    references=("https://doi.org/10.1007/BF00994018", "https://doi.org/10.1145/130385.130401"),
    variants={"penguins": {"data": ("penguins",), "target": 0.97}},
)
SETTINGS = {"default": (0.125, 100.0, 16), "penguins": (0.125, 10.0, 31)}  # gamma and C by `choose`, support vectors
GAMMAS, LIMITS = (0.125, 0.25, 0.5, 1.0, 2.0), (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
SWEEPS, STILL = 2000, 1e-6


def source(size: str = "default") -> str:
    """The data set of this size."""
    CARD.check_size(size)
    return CARD.at(size).data[0]


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 4), scaled -> scores float32 (1, classes), the largest is the answer.

    The exponent -gamma |x - s|^2 is a dense layer of (x, |x|^2).

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building svm")
    return _kernel.network(4, SETTINGS[size][2], len(data.info(source(size)).classes))


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, 4),)}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Notes or birds, four figures each, scaled by the training part.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.

    Returns:
        x float32 (n, 1, 4); y int64 (n,).
    """
    part = _tables.scaled(source(size), split)
    order = np.random.default_rng(0).permutation(len(part.x))[:limit]  # the table is sorted by class
    return part.x[order][:, None], part.y[order]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of largest scores at the right class; outputs (n, classes) or (n, 1, classes), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), -1).argmax(1) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Find the multipliers of each class against the rest, one at a time until none moves.

    Args:
        out: folder for the state and its JSON figures.
        quick: makes no difference; it takes seconds.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training svm")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    gamma, limit, room = SETTINGS[size]
    x, y = inputs("train", size=size)
    rows = x[:, 0].astype(np.float64)
    classes = len(data.info(source(size)).classes)
    kernel = np.exp(-gamma * _tables.distances(rows, rows))
    weights = np.zeros((classes, len(rows)))
    for c in range(1 if classes == 2 else classes):
        sign = np.where(y == (1 if classes == 2 else c), 1.0, -1.0)
        weights[c] = multipliers(kernel + 1, sign, limit, seed) * sign
        if progress:
            progress((c + 1) / classes, f"class {c + 1}: {int((weights[c] != 0).sum())} support vectors")
    if classes == 2:  # one machine: what speaks for forged speaks against genuine
        weights = np.stack([-weights[0], weights[0]]) / 2
    used = np.flatnonzero(np.abs(weights).sum(0))
    if len(used) != room:  # another table or another processor's rounding
        raise PicozooError(f"training svm: {len(used)} support vectors were found, SETTINGS in svm.py expects {room}")
    with loop.repeatable(seed), torch.no_grad():
        model = build(size).eval()
        _kernel.fill(model, rows[used], np.full(room, gamma), weights[:, used], weights.sum(1))
        tx, ty = inputs("test", size=size)
        scores = torch.cat([model(torch.from_numpy(row)) for row in tx])
    metrics = {"accuracy": metric(scores.numpy(), ty), "support_vectors": len(used), **_theirs(size, x, y, tx, ty)}
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def multipliers(kernel: np.ndarray, sign: np.ndarray, limit: float, seed: int = 0) -> np.ndarray:
    """The multipliers, 0 to `limit`, that make sum(a) - 1/2 a'Qa largest, Q = kernel * sign * sign'.

    One at a time in random order: each is moved to where the sum is largest along it, and kept within 0 and limit.

    Args:
        kernel: (n, n), the offset included.
        sign: (n,), +1 or -1.
        limit: C, the price of a wrong example.

    Source: C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. S. Keerthi, S. Sundararajan, ICML 2008.
    """
    chance = np.random.default_rng(seed)
    q = kernel * np.outer(sign, sign)
    a, slope = np.zeros(len(sign)), -np.ones(len(sign))  # slope = Q a - 1
    for _ in range(SWEEPS):
        moved = 0.0
        for i in chance.permutation(len(sign)):
            new = min(max(a[i] - slope[i] / q[i, i], 0.0), limit)
            step = new - a[i]
            if step:
                slope += step * q[:, i]
                a[i] = new
                moved = max(moved, abs(step))
        if moved < STILL * limit:
            break
    return a


def choose(size: str = "default", repeats: int = 3) -> tuple[float, float]:
    """The gamma and C that tell most held-out training examples right; of equal ones, the fewest support vectors.

    Ten folds of the training part, `repeats` times; the test part is not looked at. Needs scikit-learn.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    x, y = inputs("train", size=size)
    folds = [StratifiedKFold(10, shuffle=True, random_state=k) for k in range(repeats)]

    def worth(setting: tuple[float, float]) -> tuple[float, int]:
        machine = SVC(gamma=setting[0], C=setting[1])
        right = np.mean([cross_val_score(machine, x[:, 0], y, cv=f).mean() for f in folds])
        return round(float(right), 6), -int(machine.fit(x[:, 0], y).n_support_.sum())

    return max(((g, c) for g in GAMMAS for c in LIMITS), key=worth)


def _theirs(size: str, x: np.ndarray, y: np.ndarray, tx: np.ndarray, ty: np.ndarray) -> dict[str, float]:
    """scikit-learn's machine with the same settings on the same split; nothing where it is not installed."""
    try:
        from sklearn.svm import SVC
    except ImportError:
        return {}
    gamma, limit, _ = SETTINGS[size]
    theirs = SVC(C=limit, gamma=gamma).fit(x[:, 0], y)
    return {
        "accuracy_sklearn": float(theirs.score(tx[:, 0], ty)),
        "support_vectors_sklearn": int(theirs.n_support_.sum()),
    }


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """The plane of two figures with what the board says of it, and the examples that hold the margin up."""
    name = source(size)
    train_part = _tables.scaled(name, "train")
    pair = (0, 1) if name == "banknote" else (0, 2)
    features = (
        ("variance of the wavelet image", "skewness of the wavelet image")
        if name == "banknote"
        else ("bill length, mm", "flipper length, mm")
    )
    seen, extent = _kernel.plane(board, train_part.x, pair)
    scores = np.stack([board.call_real("forward", x[None])[0].reshape(-1) for x in train_part.x])
    top = np.sort(scores, axis=1)
    edge = (top[:, -1] - top[:, -2] <= 1.02) | (scores.argmax(1) != train_part.y)
    units, at = train_part.deviation[list(pair)], train_part.mean[list(pair)]
    real = train_part.x[:, list(pair)] * units + at
    classes = data.info(name).classes
    return [
        pictures.Points(
            f"Examples it learnt from; ringed: the {int(edge.sum())} at the margin or beyond it, which alone decide. "
            f"The "
            "plane behind is what the board says of each place (the other two figures guessed from these by a straight "
            "line)",
            {word: real[train_part.y == k] for k, word in enumerate(classes)}, *features, large=real[edge],
            large_label="at the margin", plane=seen,
            extent=_kernel.in_units(extent, at, units),
        ),
        pictures.Bars(
            "How sure it is: examples by the distance of their score from the boundary, in margins (below zero: wrong)",
            tuple(f"{k / 2:+.1f} to {k / 2 + 0.5:+.1f}" for k in range(-2, 8)),
            np.histogram(_lead(scores, train_part.y), np.arange(-2, 9) / 2)[0].astype(np.float64), "examples",
        ),
    ]  # fmt: skip


def _lead(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """By how much the right class leads the best wrong one, (n,)."""
    right = scores[np.arange(len(y)), y]
    others = scores.copy()
    others[np.arange(len(y)), y] = -np.inf
    lead: np.ndarray = right - others.max(1)
    return lead
