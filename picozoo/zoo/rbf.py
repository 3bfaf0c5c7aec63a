"""Radial basis network (1988): units that answer to one place each, and a linear read-out solved in one step.

x -> exp(-|x - c|^2 / 2 s^2) for each centre c -> weighted sum -> score, one per class
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.zoo import _kernel, _tables
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="rbf",
    title="Radial basis network",
    family="dense",
    year=1988,
    authors="D. S. Broomhead, D. Lowe; J. Moody, C. J. Darken",
    paper=(
        "D. S. Broomhead, D. Lowe, Multivariable functional interpolation and adaptive networks, Complex Systems 2, "
        "1988; "
        "J. Moody, C. J. Darken, Fast learning in networks of locally-tuned processing units, Neural Computation 1, "
        "1989"
    ),
    task="Tells forged banknotes from genuine ones by which of forty typical notes they are like.",
    introduced="Hidden units that answer to a place instead of a side; centres found by k-means, read-out by algebra.",
    why_it_mattered="Learning without descent and without local minima: minutes became milliseconds.",
    differs_from_paper=(
        "All units have one width, the root mean square distance of a centre to its nearest neighbour; Moody and "
        "Darken "
        "use one for each.",
        "The read-out is regularised (ridge), so that it is defined whatever the centres.",
    ),
    data=("banknote",),
    data_licence="CC BY 4.0 (UCI Machine Learning Repository)",
    metric="share of held-out notes told right",
    target=0.99,
    board={"default": "pico"},
    boards=("uno", "nano33ble", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    train_minutes=0.1,
    quick={"accuracy": 0.98},
    results={"accuracy": 0.9963, "ten_folds": 0.9963},
    cells="input 3 > kernel 5 > output 2",
    references=("https://www.complex-systems.com/abstracts/v02_i03_a05/", "https://doi.org/10.1162/neco.1989.1.2.281"),
)
UNITS, STARTS, RIDGE = 40, 5, 1e-3


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 4), scaled -> scores float32 (1, 2), the larger is the answer.

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building rbf")
    return _kernel.network(4, UNITS, 2)


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, 4),)}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Notes, four figures each, scaled by the training part.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.

    Returns:
        x float32 (n, 1, 4); y int64 (n,).
    """
    CARD.check_size(size)
    part = _tables.scaled("banknote", split)
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
    """Centres by k-means, the read-out by one linear solve.

    Args:
        out: folder for `rbf.safetensors` and its JSON figures.
        quick: one start of k-means instead of five.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training rbf")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    x, y = inputs("train")
    centres, gamma, weights = solve(x[:, 0].astype(np.float64), y, seed, 1 if quick else STARTS)
    with loop.repeatable(seed), torch.no_grad():
        model = build(size).eval()
        _kernel.fill(model, centres, np.full(UNITS, gamma), weights[:-1].T, weights[-1])
        tx, ty = inputs("test")
        scores = torch.cat([model(torch.from_numpy(row)) for row in tx])
    metrics = {"accuracy": metric(scores.numpy(), ty), "ten_folds": folds(seed)}
    if progress:
        progress(1.0, f"{UNITS} centres")
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def solve(x: np.ndarray, y: np.ndarray, seed: int, starts: int = 1) -> tuple[np.ndarray, float, np.ndarray]:
    """Centres (units, D), gamma = 1 / 2 s^2, and the read-out (units + 1, 2), its last row the offset.

    Args:
        x: float64 (n, D).
        y: (n,), 0 or 1.
    """
    found = [_tables.lloyd(x, _tables.spread_start(x, UNITS, np.random.default_rng([seed, k]))) for k in range(starts)]
    centres = min(found, key=lambda f: f[1])[0]
    between = _tables.distances(centres, centres)
    np.fill_diagonal(between, np.inf)
    gamma = 1 / (2 * float(between.min(1).mean()))
    hidden = np.concatenate([np.exp(-gamma * _tables.distances(x, centres)), np.ones((len(x), 1))], axis=1)
    wanted = np.stack([1.0 - 2 * y, 2 * y - 1.0], axis=1)
    square = hidden.T @ hidden + RIDGE * np.eye(UNITS + 1)
    return centres, gamma, np.linalg.solve(square, hidden.T @ wanted)


def folds(seed: int, count: int = 10) -> float:
    """Accuracy over ten parts of the training rows, each left out once."""
    x, y = inputs("train")
    rows, right = x[:, 0].astype(np.float64), 0
    for k in range(count):
        out = np.arange(len(y)) % count == k
        centres, gamma, weights = solve(rows[~out], y[~out], seed)
        scores = np.exp(-gamma * _tables.distances(rows[out], centres)) @ weights[:-1] + weights[-1]
        right += int((scores.argmax(1) == y[out]).sum())
    return right / len(y)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """The plane with what the board says of each place, the centres, and which of them speaks up for one note."""
    CARD.check_size(size)
    part = _tables.scaled("banknote", "train")
    seen, extent = _kernel.plane(board, part.x, (0, 1))
    units, at = part.deviation[:2], part.mean[:2]
    classes = data.info("banknote").classes
    centres = solve(inputs("train")[0][:, 0].astype(np.float64), inputs("train")[1], 0, STARTS)[0][:, :2]
    real = part.x[:, :2] * units + at
    x, y = inputs("test")
    scores = np.stack([board.call_real("forward", v)[0].reshape(-1) for v in x])
    margin = np.histogram((scores[:, 1] - scores[:, 0]) / 2, np.linspace(-1.4, 1.4, 15))[0]
    return [
        pictures.Points(
            f"Notes, and the {UNITS} places that its units answer to; behind them what the board says of each place "
            f"(the "
            "other two figures guessed from these by a straight line)",
            {word: real[part.y == k] for k, word in enumerate(classes)},
            "variance of the wavelet image", "skewness of the wavelet image",
            large=centres * units + at, large_label="centres", plane=seen, extent=_kernel.in_units(extent, at, units),
        ),
        pictures.Bars(
            f"What it says of {len(y)} notes it has not seen: score, from genuine (below zero) to forged; "
            f"{metric(scores, y):.1%} right",
            tuple(f"{k:+.1f} to {k + 0.2:+.1f}" for k in np.linspace(-1.4, 1.2, 14)), margin.astype(float), "notes",
        ),
    ]  # fmt: skip
