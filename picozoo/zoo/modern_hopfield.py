"""Modern Hopfield network (2020): a memory that holds many more pictures than it has units, recalled in one step.

state p -> softmax(beta X p) over the stored pictures X -> their mixture X' softmax(beta X p): attention, in fact
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.errors import UsageError
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="modern_hopfield",
    title="Modern Hopfield network",
    family="associative",
    year=2020,
    authors="H. Ramsauer, B. Schaefl, J. Lehner, P. Seidl, M. Widrich and others",
    paper="Hopfield Networks is All You Need, ICLR 2021 (arXiv 2008.02217)",
    task="Stores 200 handwritten digits, more than it has dots, and gives back the whole one from a damaged copy.",
    introduced=(
        "An energy with an exponential in it: a number of memories that grows exponentially, recalled in one step."
    ),
    why_it_mattered="Its update is the attention of transformers, which so turned out to be an associative memory.",
    differs_from_paper=(
        "Pictures are dots of +1 and -1; the paper's states are real numbers, and it puts the step into other "
        "networks.",
        "beta is fixed at 0.5 for 196 dots, large enough that a picture's neighbours do not blur it.",
    ),
    data=("mnist",),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed)",
    metric="share of pictures with 10 to 20 % of the dots flipped that come back without a single wrong dot",
    metric_name="exact recall",
    target=0.99,
    board={"default": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("recall", "learn"),
    main="recall",
    precision="native",
    train_minutes=0.5,
    learns=True,
    quick={"recall": 0.99},
    results={"recall": 1.0, "recall_of_1600": 1.0, "classic_recall_of_25": 0.56, "classic_recall_of_50": 0.0},
    cells="input 4 > memory 6 > match 4",
    references=("https://arxiv.org/abs/2008.02217", "https://arxiv.org/abs/1606.01164"),
)
SIDE, STORED, PART, BETA, FLIPS = 14, 200, 20, 0.5, (0.10, 0.20)
APART = 30
COUNTS = (25, 50, 100, 200, 400, 800, 1600)  # of the capacity curve
CLASSIC = 0.138  # pictures per unit that the network of 1982 can hold at most


def build(size: str = "default") -> nn.Module:
    """The network with nothing stored: room for 200 pictures of 196 dots, as int8.

    `recall(p)`: p int8 (196,), +1 or -1 -> the recalled state float32 (196,), -1 to 1; its signs are the picture.
    `learn(p)`: puts p into the next free row -> pictures stored, int32 (1,). Beyond 200 the oldest are overwritten.

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building modern_hopfield")
    import torch
    from torch import nn

    class ModernHopfield(nn.Module):
        X: torch.Tensor
        stored: torch.Tensor
        next: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("X", torch.zeros(STORED, SIDE * SIDE, dtype=torch.int8))
            self.register_buffer("stored", torch.zeros(1, dtype=torch.int32))
            self.register_buffer("next", torch.zeros(1, dtype=torch.int32))
            self.register_buffer("number", torch.arange(STORED, dtype=torch.int32))

        def recall(self, p: torch.Tensor) -> torch.Tensor:
            parts = self.X.split(PART)  # type: ignore[no-untyped-call]  # a few rows at a time, to save working memory
            alike = torch.cat([(rows * p).sum(dim=1, dtype=torch.int32) for rows in parts]).float()  # (200,)
            there = self.get_buffer("number") < self.stored  # an empty row is no memory
            share = torch.softmax(torch.where(there, BETA * alike, torch.full_like(alike, -1e9)), dim=0)
            state: torch.Tensor = (share[:PART, None] * parts[0]).sum(dim=0)  # (196,)
            for k, rows in enumerate(parts[1:], 1):
                state = state + (share[k * PART : (k + 1) * PART, None] * rows).sum(dim=0)
            return state

        def learn(self, p: torch.Tensor) -> torch.Tensor:
            self.X.index_copy_(0, self.next.long(), p[None])
            row = self.next + 1
            self.next.copy_(torch.where(row >= STORED, torch.zeros_like(row), row))
            self.stored.copy_(torch.clamp(self.stored + 1, max=STORED))
            return self.stored.clone()

    return ModernHopfield()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    p = torch.ones(SIDE * SIDE, dtype=torch.int8)
    return {"recall": (p,), "learn": (p,)}


def dots(count: int) -> np.ndarray:
    """Digits of MNIST's training part as dots, int8 (count, 196), +1 ink and -1 paper: the first ones that differ from
    all before them in at least 30 dots, so that it is clear which one a damaged copy comes from.
    """
    part = data.load("mnist", "train")
    sample = ((np.arange(SIDE) + 0.5) * 20 / SIDE).astype(int) + 4
    seen = (part.x[: 4 * count][:, sample][:, :, sample] >= 64).reshape(-1, SIDE * SIDE)
    found: list[np.ndarray] = []
    for row in seen:
        if len(found) < count and all((row != other).sum() >= APART for other in found):
            found.append(row)
    return np.stack(found).astype(np.int8) * np.int8(2) - np.int8(1)


def damage(whole: np.ndarray, seed: int) -> np.ndarray:
    """10 to 20 % of the dots of each row flipped; new."""
    chance, n = np.random.default_rng(seed), whole.shape[1]
    x = whole.copy()
    for row in x:
        flips = chance.integers(math.ceil(FLIPS[0] * n), math.floor(FLIPS[1] * n) + 1)
        row[chance.choice(n, flips, replace=False)] *= -1
    return x


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Damaged pictures and the whole ones; the splits differ in the damage.

    Args:
        split: "train" or "test".
        limit: at most so many.

    Returns:
        x int8 (n, 196), +1 or -1; y int8 (n, 196).
    """
    CARD.check_size(size)
    if split not in ("train", "test"):
        raise UsageError(f"network 'modern_hopfield': the split must be one of train, test, got {split!r}")
    y = dots(STORED)
    return damage(y, 2020 if split == "train" else 2021)[:limit], y[:limit]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of outputs with the signs of y in every dot; both (n, 196)."""
    return float((np.sign(np.asarray(outputs).reshape(y.shape)) == y).all(axis=1).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Store the pictures with `learn`, then measure how many could be stored, against the network of 1982.

    Args:
        out: folder for `modern_hopfield.safetensors` and its JSON figures.
        quick: leave the capacity curve out.

    Raises:
        MissingTool: PyTorch or MNIST is missing.
    """
    CARD.check_size(size)
    need_torch("training modern_hopfield")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    x, y = inputs("test")
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        for p in y:
            model.learn(torch.from_numpy(p))  # type: ignore[operator]
        back = np.stack([model.recall(torch.from_numpy(p)).numpy() for p in x])  # type: ignore[operator]
    metrics = {"recall": metric(back, y)}
    if not quick:
        for count, (modern, classic) in capacity(seed).items():
            metrics |= {f"recall_of_{count}": modern, f"classic_recall_of_{count}": classic}
            if progress:
                progress(COUNTS.index(count) / len(COUNTS), f"{count} pictures: {modern:.1%}, in 1982 {classic:.1%}")
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def capacity(seed: int = 0, counts: tuple[int, ...] = COUNTS, probes: int = 100) -> dict[int, tuple[float, float]]:
    """Share of damaged random pictures of 196 dots recalled whole: by this rule, and by that of 1982 after rest.

    Random pictures, which is what the theory of both is about; NumPy.
    """
    from picozoo.zoo import hopfield

    found = {}
    for count in counts:
        chance = np.random.default_rng([seed, count])
        stored = chance.choice(np.array([-1, 1], np.int8), (count, SIDE * SIDE))
        whole = stored[:probes]
        x = damage(whole, seed).astype(np.float32)
        alike = BETA * (x @ stored.T.astype(np.float32))
        share = np.exp(alike - alike.max(1, keepdims=True))
        weights = (stored.T.astype(np.float32)) @ stored
        np.fill_diagonal(weights, 0)
        rest = hopfield.settle(weights, x.T).T
        found[count] = (metric(share @ stored, whole), metric(rest, whole))
    return found


def lessons(size: str = "default") -> tuple[str, list[tuple[np.ndarray]], tuple[str, ...]]:
    """The 200 pictures, for a memory that is empty."""
    CARD.check_size(size)
    return "learn", [(p,) for p in dots(STORED)], ("X", "stored", "next")


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Damaged digits and what one step recalls, what it remembers at that moment, and how much it can hold."""
    x, y = inputs("test", STORED, size)
    pick = np.arange(0, STORED, STORED // 6)[:6]
    back = [board.call_real("recall", x[i])[0].reshape(-1) for i in pick]
    wrong = [int((np.sign(b) != y[i]).sum()) for b, i in zip(back, pick, strict=True)]
    alike = BETA * (board.get_state("X").astype(float) @ x[pick[0]])
    share = np.exp(alike - alike.max())
    share /= share.sum()
    best = np.argsort(-share)[:5]
    curve = capacity()

    def tiles(rows: np.ndarray | list[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(np.asarray(r).reshape(SIDE, SIDE) for r in rows)

    return [
        pictures.Images(
            f"Damaged copies of {len(pick)} of the {STORED} digits in its memory",
            tiles(x[pick]),
            tuple(f"{(x[i] != y[i]).sum()} dots wrong" for i in pick),
        ),
        pictures.Images(
            "What the board recalls in one step", tiles(back), tuple(f"{n} dots wrong" if n else "whole" for n in wrong)
        ),
        pictures.Images(
            "What the first one is a mixture of: the five stored digits most like it, and their shares (computed "
            "beside "
            "the board from its memory)",
            tiles(board.get_state("X")[best]),
            tuple(f"{share[k]:.1%}" for k in best),
        ),
        pictures.Table(
            f"How many random pictures of {SIDE * SIDE} dots can be stored: damaged ones recalled whole. The network "
            f"of 1982 "
            f"can hold {CLASSIC:g} a unit, {CLASSIC * SIDE * SIDE:.0f} here (computed in NumPy)",
            ("stored", "this network", "network of 1982"),
            tuple((str(n), f"{a:.0%}", f"{b:.0%}") for n, (a, b) in curve.items()),
        ),
    ]
