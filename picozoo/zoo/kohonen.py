"""Kohonen map (1982): a sheet of units that unfolds over the data until neighbours on the sheet are alike.

x -> how near each unit is; the nearest wins. Learning: the winner and its neighbours on the sheet move towards x.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.data import german_credit, winequality
from picozoo.zoo import _tables
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="kohonen",
    title="Kohonen map (self-organising map)",
    family="associative",
    year=1982,
    authors="T. Kohonen",
    paper="Self-organized formation of topologically correct feature maps, Biological Cybernetics 43, 1982",
    task="Lays wines (or bank customers) out on a sheet, so that those with like figures lie near each other.",
    introduced="Units in a sheet, and learning that spreads from the winner to its neighbours: order out of nothing.",
    why_it_mattered="It showed how the brain's maps might come about, and drew the maps of thousands of data sets.",
    differs_from_paper=(
        "The neighbourhood is a bell that narrows, as in later work, not a square that is on or off.",
        "Scores are 2 w.x - |w|^2, which order the units as distance does.",
    ),
    data=("winequality",),
    data_licence="CC BY 4.0 (wines, credit)",
    metric="share of examples whose two nearest units do not touch on the sheet",
    metric_name="topographic error",
    metric_better="lower",
    target=0.1,
    board={"default": "uno", "customers": "uno"},
    boards=("pico", "nano33ble", "esp32c3", "browser"),
    functions=("forward", "learn"),
    main="forward",
    sizes=("default", "customers"),
    precision="float32",
    train_minutes=0.3,
    learns=True,
    quick={"neighbours": 0.9},
    results={"topographic_error": 0.0367, "topographic_error_customers": 0.01},
    cells="input 3 > hidden 6",
    references=("https://doi.org/10.1007/BF00337288", "https://doi.org/10.1007/978-3-642-56927-2"),
    variants={"customers": {"data": ("german_credit",)}},
)
ROWS, COLUMNS = 5, 6
FIGURES = {"winequality": (1, 3, 4, 6, 8, 10), "german_credit": (1, 4, 12)}
STEPS = 1200
RATE, REACH = (0.5, 0.03), (3.0, 0.6)  # from, to; both fall by the same share at every step


def source(size: str = "default") -> str:
    """The data set of this size."""
    CARD.check_size(size)
    return CARD.at(size).data[0]


def names(size: str = "default") -> tuple[str, ...]:
    """What the figures are."""
    every = winequality.FEATURES if source(size) == "winequality" else tuple(german_credit.COLUMNS)
    return tuple(every[k] for k in FIGURES[source(size)])


def build(size: str = "default") -> nn.Module:
    """The map: 30 units in 5 rows of 6, all at zero.

    `forward(x)`: x float32 (D,), scaled -> scores float32 (30,), row by row; the largest is the nearest unit's.
    `learn(x)`: -> the scores before; the winner and its neighbours move towards x. Rate and reach fall with every call,
    from 0.5 to 0.03 and from 3 to 0.6 units over 1,200 calls, and stay there.

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building kohonen")
    import torch
    from torch import nn

    width, units = len(FIGURES[source(size)]), ROWS * COLUMNS
    fall = [float(np.log(b / a)) for a, b in (RATE, REACH)]

    class Kohonen(nn.Module):
        w: torch.Tensor
        done: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("w", torch.zeros(units, width))
            self.register_buffer("done", torch.zeros(1))
            self.register_buffer("number", torch.arange(units))
            self.register_buffer("row", (torch.arange(units) // COLUMNS).float())
            self.register_buffer("column", (torch.arange(units) % COLUMNS).float())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.w * (2 * x - self.w)).sum(dim=1)  # (30, D) -> (30,)

        def learn(self, x: torch.Tensor) -> torch.Tensor:
            scores = self.forward(x)
            row, column = self.get_buffer("row"), self.get_buffer("column")
            won = (self.get_buffer("number") == scores.argmax()).float()  # (30,), 1 for the winner
            part = torch.clamp(self.done / STEPS, max=1.0)
            rate, reach = RATE[0] * torch.exp(part * fall[0]), REACH[0] * torch.exp(part * fall[1])
            up, across = row - (won * row).sum(), column - (won * column).sum()
            near = rate * torch.exp((up * up + across * across) / (-2 * reach * reach))  # (30,)
            self.w.add_(near[:, None] * (x - self.w))
            self.done.add_(1)
            return scores

    return Kohonen()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    import torch

    x = torch.zeros(len(FIGURES[source(size)]))
    return {"forward": (x,), "learn": (x,)}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Wines (six laboratory figures) or customers (months, amount, age), scaled by the training part and kept within
    four deviations.

    Args:
        split: "train" or "test".
        limit: at most so many, in a fixed random order.

    Returns:
        x float32 (n, D); y int64 (n,): colour of the wine, or whether the loan went bad; the map never sees it.
    """
    part = _tables.scaled(source(size), split, FIGURES[source(size)])
    order = np.random.default_rng(1982).permutation(len(part.x))[:limit]
    return np.clip(part.x[order], -4, 4), part.y[order]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of examples whose nearest and second nearest unit do not touch on the sheet, not even at their corners.

    Where two units are equally near, as on a map that has learnt nothing, there is no nearest one, and none touch.
    outputs (n, 30).
    """
    scores = np.asarray(outputs).reshape(len(y), -1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    rows, columns = best // COLUMNS, best % COLUMNS
    apart = np.maximum(np.abs(rows[:, 0] - rows[:, 1]), np.abs(columns[:, 0] - columns[:, 1]))
    every = np.arange(len(y))
    return float(((apart > 1) | (scores[every, best[:, 0]] <= scores[every, best[:, 1]])).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Twelve hundred calls of the network's own `learn`.

    Args:
        out: folder for the state and its JSON figures.
        quick: makes no difference; it takes seconds.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training kohonen")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        calls = lessons(size, seed)[1]
        for k, (x,) in enumerate(calls):
            model.learn(torch.from_numpy(x))  # type: ignore[operator]
            if progress and k % 200 == 199:
                progress((k + 1) / len(calls), f"{k + 1} of {len(calls)} examples")
        tx, ty = inputs("test", size=size)
        scores = np.stack([model.forward(torch.from_numpy(x)).numpy() for x in tx])
    w = model.get_buffer("w").numpy()
    error = float(np.sqrt(_tables.distances(tx, w).min(1)).mean())
    metrics = {"neighbours": 1 - metric(scores, ty), "topographic_error": metric(scores, ty), "distance": error}
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def lessons(size: str = "default", seed: int = 0) -> tuple[str, list[tuple[np.ndarray]], tuple[str, ...]]:
    """Twelve hundred training examples in random order, for a map that is all zero."""
    x, _ = inputs("train", size=size)
    pick = np.random.default_rng(seed).integers(0, len(x), STEPS)
    return "learn", [(x[i],) for i in pick], ("w", "done")


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """The map unfolding while it learns on the board, what each figure looks like on it, and where the classes lie."""
    x, y = inputs("test", 150, size)
    words = ("red wines", "white wines") if source(size) == "winequality" else ("good loans", "bad loans")
    sheets = _unfolding(board, size)
    flat = _flat(x)
    lines: list[pictures.Shown] = [
        pictures.Points(
            f"The sheet after {k} examples, among {len(x)} it has not seen, along the two directions in which they "
            "differ most",
            {word: flat(x[y == c]) for c, word in enumerate(words)},
            "first direction",
            "second direction",
            wires=tuple(flat(s) for s in _mesh(w)),
        )
        for k, w in sheets
    ]
    w = sheets[-1][1]
    won = np.array([int(board.call_real("forward", v)[0].argmax()) for v in x])
    share = np.array([(y[won == u] == 1).mean() if (won == u).any() else np.nan for u in range(len(w))])
    known = np.where(np.isnan(share), np.nanmean(share), share)
    return [
        *lines,
        pictures.Images(
            "One figure at a time on the finished sheet: the units' own values, dark is more",
            tuple(np.kron(v.reshape(ROWS, COLUMNS), np.ones((2, 2))) for v in w.T),
            names(size),
            common=False,
        ),
        pictures.Images(
            f"Where the {words[1]} lie (dark): the map was never told which they are",
            (np.kron(known.reshape(ROWS, COLUMNS), np.ones((2, 2))),),
        ),
    ]


def _unfolding(board: pictures.Board, size: str) -> list[tuple[int, np.ndarray]]:
    """The units' places at a few moments of learning on the board."""
    function, calls, start = lessons(size)
    for state in start:
        board.set_state(state, np.zeros_like(board.get_state(state)))
    found = []
    for k, (x,) in enumerate(calls):
        board.call_real(function, x)
        if k + 1 in (20, 200, STEPS):
            found.append((k + 1, board.get_state("w")))
    return found


def _flat(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Onto the two main directions of x: an (n, D) array -> (n, 2)."""
    mean = x.mean(0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:2].T
    return lambda points: (np.asarray(points) - mean) @ axes


def _mesh(w: np.ndarray) -> list[np.ndarray]:
    """The rows and columns of the sheet as lines."""
    sheet = w.reshape(ROWS, COLUMNS, -1)
    return [*sheet, *sheet.transpose(1, 0, 2)]
