"""Extreme learning machine (2006): a hidden layer that is never trained, and a read-out solved in one step.

    14x14 means of 2x2 dots -> fixed hidden units, ReLU -> read-out by least squares -> ten scores

Size "online" solves the same equations one example at a time, on the board.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="elm",
    title="Extreme learning machine",
    family="dense",
    year=2006,
    authors="G.-B. Huang, Q.-Y. Zhu, C.-K. Siew",
    paper=(
        "Extreme learning machine: theory and applications, Neurocomputing 70, 2006 (and ISCAS 2005: the online form)"
    ),
    task="Reads a handwritten digit with hidden units that nobody trained; learns its read-out on the board.",
    introduced=(
        "Random hidden units and one linear solve in place of all descent (so had W. F. Schmidt and others in 1992)."
    ),
    why_it_mattered=(
        "Training in seconds; with recursive least squares the exact solution, example by example, in fixed memory."
    ),
    differs_from_paper=(
        "Hidden weights are differences of two random training digits of different classes within a random rectangle "
        "(M. "
        "D. McDonnell and others, 2015), not plain noise: a third of the units for the same figure.",
        "ReLU instead of the logistic function; the solve is regularised.",
        "Means of 2x2 dots come first, which costs nothing in accuracy here and saves three quarters of the weights.",
    ),
    data=("mnist",),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed)",
    metric="share of test digits read right",
    target=0.96,
    board={"default": "nano33ble", "online": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    sizes=("default", "online"),
    train_minutes=0.5,
    quick={"accuracy": 0.93},
    results={"accuracy": 0.9653, "accuracy_online": 0.9215, "accuracy_online_solved_at_once": 0.9287},
    cells="input 5 > hidden 8 > output 4",
    references=("https://doi.org/10.1016/j.neucom.2005.12.126", "https://doi.org/10.1371/journal.pone.0134254"),
    variants={
        "online": {"functions": ("forward", "learn"), "learns": True, "precision": "float32", "target": 0.91},
    },
)
SIDE = 14
# The fewest that `choose` found enough. Recursive least squares keeps a matrix of units x units: 160,000 bytes for 200,
# which a board with 256 KB holds.
UNITS = {"default": 700, "online": 200}
ENOUGH = 0.965  # of digits held back from training: half a point above the figure to reach
RIDGE, SMALLEST = 1.0, 20  # of the solve; dots in a rectangle
LESSONS = 6000


def build(size: str = "default") -> nn.Module:
    """The network, its read-out at zero: 700 hidden units, or 200 that can learn on the board ("online").

    `forward(x)`: x float32 (1, 196), 0 paper to 1 ink -> scores float32 (1, 10).
    `learn(x, target)`: target int32 (1,), 0 to 9 -> the scores before. Recursive least squares: after n calls the
    read-out is that of the regularised solve over those n examples, up to rounding.

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building elm")
    import torch
    from torch import nn

    units = UNITS[size]

    class ELM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(SIDE * SIDE, units, bias=False)
            self.out = nn.Linear(units, 10, bias=False)
            nn.init.zeros_(self.out.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.out(torch.relu(self.hidden(x)))  # (1, 196) -> (1, 700) -> (1, 10)
            return scores

    class Online(nn.Module):
        P: torch.Tensor
        w: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(SIDE * SIDE, units, bias=False)
            self.register_buffer("P", torch.eye(units) / RIDGE)  # inverse of the sum of h h' over all examples
            self.register_buffer("w", torch.zeros(units, 10))
            self.register_buffer("number", torch.arange(10, dtype=torch.int32))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.hidden(x)) @ self.w  # (1, 196) -> (1, 200) -> (1, 10)

        def learn(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.hidden(x))  # (1, 200)
            scores = h @ self.w
            ph = torch.matmul(self.P, h[0])  # (200,)
            gain = ph / (1 + (ph * h[0]).sum())
            wanted = (self.get_buffer("number") == target).float() * 2 - 1  # (10,), +1 for the right class, else -1
            self.P.addr_(-gain, ph)
            self.w.addr_(gain, wanted - scores[0])
            return scores

    return Online() if size == "online" else ELM()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x = torch.zeros(1, SIDE * SIDE)
    every: dict[str, tuple[torch.Tensor, ...]] = {"forward": (x,), "learn": (x, torch.zeros(1, dtype=torch.int32))}
    return {f: every[f] for f in CARD.at(size).functions}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.

    Returns:
        x float32 (n, 1, 196), means of 2x2 dots, 0..1; y int64 (n,).
    """
    CARD.check_size(size)
    part = data.load("mnist", split)
    x = part.x[:limit].astype(np.float32).reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)) / np.float32(255)
    return x.reshape(-1, 1, SIDE * SIDE), part.y[:limit]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of pictures whose largest score is the right one; outputs (n, 10) or (n, 1, 10), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), 10).argmax(1) == y).mean())


def hidden_weights(x: np.ndarray, y: np.ndarray, units: int, seed: int) -> np.ndarray:
    """Incoming weights of the hidden units, float32 (units, 196), each of length one.

    Args:
        x: float32 (n, 196), training pictures.
        y: (n,), their classes.
    """
    chance = np.random.default_rng([2006, seed])
    found = np.zeros((units, SIDE * SIDE), np.float32)
    for row in found:
        while not row.any():
            a, b = chance.integers(0, len(x), 2)
            (r0, r1), (c0, c1) = np.sort(chance.integers(0, SIDE, (2, 2)), axis=1)
            if y[a] == y[b] or (r1 - r0 + 1) * (c1 - c0 + 1) < SMALLEST:
                continue
            seen = np.zeros((SIDE, SIDE), np.float32)
            seen[r0 : r1 + 1, c0 : c1 + 1] = (x[a] - x[b]).reshape(SIDE, SIDE)[r0 : r1 + 1, c0 : c1 + 1]
            length = float(np.sqrt((seen**2).sum()))
            if length > 0.5:  # else there is next to nothing in the rectangle
                row[:] = seen.reshape(-1) / length
    return found


def choose(widths: tuple[int, ...] = (400, 500, 600, 700, 800, 900, 1000)) -> int:
    """The fewest hidden units that read `ENOUGH` of the last 10,000 training digits, the others being learnt from."""
    x, y = inputs("train")
    rows, held, wanted = x[:-10000, 0], x[-10000:, 0], np.where(y[:-10000, None] == np.arange(10), 1.0, -1.0)
    for units in widths:
        weights = hidden_weights(rows, y[:-10000], units, 0)
        h = np.maximum(rows @ weights.T, 0)
        solved = np.linalg.solve(h.T @ h + RIDGE * np.eye(units), h.T @ wanted)
        if metric(np.maximum(held @ weights.T, 0) @ solved, y[-10000:]) >= ENOUGH:
            return units
    return widths[-1]


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Draw the hidden units, then solve for the read-out; "online" with the network's own `learn` over its lessons.

    Args:
        out: folder for the state and its JSON figures.
        quick: 5,000 pictures (1,500 lessons) instead of 60,000 (6,000).

    Raises:
        MissingTool: PyTorch or MNIST is missing.
    """
    CARD.check_size(size)
    need_torch("training elm")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    x, y = inputs("train", 5000 if quick else None)
    rows = x[:, 0]
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        weights = torch.from_numpy(hidden_weights(rows, y, UNITS[size], seed)).half().float()  # half the bytes to ship
        model.get_parameter("hidden.weight").copy_(weights)
        h = torch.relu(torch.from_numpy(rows) @ weights.T).double()
        wanted = torch.from_numpy(np.where(y[:, None] == np.arange(10), 1.0, -1.0))
        solved = torch.linalg.solve(h.T @ h + RIDGE * torch.eye(UNITS[size], dtype=torch.float64), h.T @ wanted).float()
        if size == "online":
            for k, (row, target) in enumerate(lessons(size, 1500 if quick else LESSONS)[1]):
                model.learn(torch.from_numpy(row), torch.from_numpy(target))  # type: ignore[operator]
                if progress and k % 500 == 499:
                    progress((k + 1) / LESSONS, f"{k + 1} examples")
        else:
            model.get_parameter("out.weight").copy_(solved.T)
            loop.halve(model)
        tx, ty = inputs("test")
        test = torch.from_numpy(tx[:, 0])
        metrics = {"accuracy": metric(model(test).numpy(), ty)}
        if size == "online":
            metrics["accuracy_solved_at_once"] = metric((torch.relu(test @ weights.T) @ solved).numpy(), ty)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def lessons(
    size: str = "default", count: int = LESSONS
) -> tuple[str, list[tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]:
    """The first training digits, in their order; P starts at 1 / ridge on its diagonal, the read-out at zero."""
    units = UNITS[size]
    x, y = inputs("train", count)
    calls = [(row, np.array([label], np.int32)) for row, label in zip(x, y, strict=True)]
    return (
        "learn",
        calls,
        {"P": np.eye(units, dtype=np.float32) / np.float32(RIDGE), "w": np.zeros((units, 10), np.float32)},
    )


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """What the untrained units look for, digits it reads, and (online) how it learns on the board from nothing."""
    x, y = inputs("test", 200)
    seen: list[pictures.Shown] = []
    if size == "online":
        seen.append(_learning(board, x, y))
    scores = np.stack([board.call_real("forward", v)[0].reshape(-1) for v in x])
    answers = scores.argmax(1)
    wrong = np.flatnonzero(answers != y)
    pick = [*[int(np.argmax(y == d)) for d in range(3)], *wrong[:3].tolist()]
    units = hidden_weights(inputs("train")[0][:, 0], data.load("mnist", "train").y, 8, 0)
    return [
        *seen,
        pictures.Images(
            f"Digits it has not seen and what the board says; {metric(scores, y):.1%} of {len(y)} are right",
            tuple(x[i].reshape(SIDE, SIDE) for i in pick),
            tuple(f"says {answers[i]}" + ("" if answers[i] == y[i] else f", is {y[i]}") for i in pick),
        ),
        pictures.Images(
            "What eight of its hidden units look for (orange speaks for them, blue against): nobody trained them",
            tuple(u.reshape(SIDE, SIDE) for u in units),
            signed=True,
            common=False,
        ),
    ]


def _learning(board: pictures.Board, x: np.ndarray, y: np.ndarray) -> pictures.Curves:
    """Accuracy on held-out digits while the board learns; the board keeps what it learnt."""
    function, calls, start = lessons("online", 1600)
    for state, values in start.items():
        board.set_state(state, values)
    moments = [25, 50, 100, 200, 400, 800, 1600]
    reached = []
    for k, (row, target) in enumerate(calls, 1):
        board.call_real(function, row, target)
        if k in moments:
            reached.append(metric(np.stack([board.call_real("forward", v)[0] for v in x]), y))
    return pictures.Curves(
        f"It learns on the board from nothing, one digit at a time: {reached[-1]:.1%} after {moments[-1]}",
        np.log2(np.array(moments) / 25),
        {"held-out digits read right": np.array(reached)},
        "examples: 25 x 2 to the power of this",
        "share",
    )
