"""Restricted Boltzmann machine: two layers that ask each other what goes with what, until a damaged picture is whole.

    784 visible <-> 256 hidden units, 0 or 1; a unit is on with the chance sigmoid(what it hears)

Completion is Gibbs sampling: the known dots are held fast, hidden and unknown dots are drawn in turn.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.errors import UsageError
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="rbm",
    title="Restricted Boltzmann machine",
    family="energy-based",
    year=1986,
    authors="P. Smolensky; G. E. Hinton",
    paper="Information processing in dynamical systems: foundations of harmony theory, 1986; G. E. Hinton, Training "
    "products of experts by minimizing contrastive divergence, Neural Computation 14, 2002",
    task="Completes digits with a hole in their middle, by sampling.",
    introduced="Without ties inside a layer all its units can be drawn at once; contrastive divergence trains it.",
    why_it_mattered="Stacked, it made deep networks trainable in 2006, which began the deep-learning decade.",
    differs_from_paper=(
        "Trained with persistent chains (Tieleman, 2008) and centred units (Melchior and others, 2016); the small size "
        "learns by CD-1 as in the paper.",
        "A completion is the mean chance of each dot over the last ten steps, so that it can be judged dot by dot.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of the hidden dots of a digit that are guessed right",
    metric_name="dots guessed right",
    target=0.69,
    board={"default": "stm32f746", "tiny": "nano33ble"},
    boards=("nano33ble", "pico", "nucleo_l4r5zi", "stm32u575", "pico2"),
    functions=("forward",),
    main="forward",
    sizes=("default", "tiny"),
    train_minutes=12,
    references=(
        "https://doi.org/10.1162/089976602760128018",
        "R. Salakhutdinov, I. Murray, On the quantitative analysis of deep belief networks, ICML 2008",
        "T. Tieleman, Training restricted Boltzmann machines using approximations to the likelihood gradient, 2008",
    ),
    quick={"completion": 0.4},  # three epochs of small digits; the full recipe has MNIST
    results={
        "completion": 0.7199,
        "mean_guess": 0.6657,
        "log_likelihood": -90.406,
        "log_z_error": 0.354,
        "completion_tiny": 0.6653,
        "mean_guess_tiny": 0.5977,
    },
    variants={
        "tiny": {
            "functions": ("forward", "learn"),
            "learns": True,
            "data": ("digits",),
            "precision": "float32",
            "target": 0.64,
        }
    },
)
SHAPES = {"default": (28, 256), "tiny": (8, 32)}  # side of the picture, hidden units
GIBBS, BURN_IN = 16, 6  # steps of a completion, and how many of them pass before chances are averaged
EPOCHS, RATE = 60, 0.05
# How often a hidden dot begins as ink; of 0, 0.1 ... 0.5 what completes most dots of training digits. 4,000 of MNIST:
# 71.7 % from paper, 66.1 % from one in two; the small ones: 65.8 and 68.0 %.
START = {"default": 0.0, "tiny": 0.5}
UNKNOWN = -1.0
LEARNING_RATE, PASSES = 0.05, 6  # of CD-1


def build(size: str = "default") -> nn.Module:
    """The machine; `forward(x)`: x float32 (1, visible): 1 ink, 0 paper, -1 unknown -> the same, unknown dots as
    chances.

    The tiny one has `learn(x)` too: one step of contrastive divergence with a whole picture x -> the mean squared error
    of its reconstruction, float32 (1,). It changes the weights and biases.

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building rbm")
    import torch
    from torch import nn
    from torch.nn.functional import linear

    from picozoo.train import chance

    side, hidden = SHAPES[size]

    class RBM(nn.Module):
        w: torch.Tensor
        b: torch.Tensor
        c: torch.Tensor
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            start = np.random.default_rng(1986).normal(0, 0.01, (hidden, side * side)).astype(np.float32)
            self.register_buffer("w", torch.from_numpy(start))  # (hidden, visible)
            self.register_buffer("b", torch.zeros(side * side))
            self.register_buffer("c", torch.zeros(hidden))
            self.register_buffer("dice", chance.new_state(2002))

        def _hidden(self, v: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(linear(v, self.w, self.c))  # (1, visible) -> (1, hidden)

        def _visible(self, h: torch.Tensor) -> torch.Tensor:
            if size == "tiny":  # weights that learn lie in RAM once; the others are tables, turned by the compiler
                return torch.sigmoid(torch.matmul(h, self.w) + self.b)
            return torch.sigmoid(linear(h, self.w.T, self.b))  # (1, hidden) -> (1, visible)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            unknown = x < 0
            ink = torch.full_like(x, START[size])
            v = torch.where(unknown, chance.bernoulli(self.dice, ink) if START[size] else ink, x)
            total = torch.zeros_like(x)
            for step in range(GIBBS):
                p = self._visible(chance.bernoulli(self.dice, self._hidden(v)))
                v = torch.where(unknown, chance.bernoulli(self.dice, p), x)
                if step >= BURN_IN:
                    total = total + p
            return torch.where(unknown, total * (1 / (GIBBS - BURN_IN)), x)

        def learn(self, x: torch.Tensor) -> torch.Tensor:
            seen = self._hidden(x)
            dreamt = self._visible(chance.bernoulli(self.dice, seen))
            v = chance.bernoulli(self.dice, dreamt)
            again = self._hidden(v)
            self.w.addr_((seen * LEARNING_RATE).reshape(-1), x.reshape(-1))
            self.w.addr_((again * -LEARNING_RATE).reshape(-1), v.reshape(-1))
            self.b.add_(((x - v) * LEARNING_RATE).reshape(-1))
            self.c.add_(((seen - again) * LEARNING_RATE).reshape(-1))
            return ((x - dreamt) ** 2).mean().reshape(1)

    if size == "default":
        del RBM.learn  # the weights are constants
    return RBM()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x = torch.zeros(1, SHAPES[size][0] ** 2)
    return dict.fromkeys(CARD.at(size).functions, (x,))


def source(size: str = "default") -> str:
    """The data set of `inputs`."""
    return "mnist" if size == "default" and data.available("mnist") else "digits"


def whole(split: str, limit: int | None = None, size: str = "default") -> np.ndarray:
    """Pictures of ink and paper, float32 (n, 1, visible), 1 where there is more ink than half."""
    CARD.check_size(size)
    x = data.load(source(size), split).x[:limit]
    if size == "tiny":
        n = len(x)  # the 8 x 8 dots that scikit-learn's digits were enlarged from
        x = np.stack([x[:, 4 + i // 8 * 5 // 2, 4 + i % 8 * 5 // 2] for i in range(64)], 1).reshape(n, 8, 8)
    return (x.reshape(len(x), 1, -1) > 127).astype(np.float32)


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Digits with a hole, and the whole ones.

    Returns:
        x float32 (n, 1, visible): 1, 0, and -1 in the hole; y the same without -1.
    """
    y = whole(split, limit, size)
    x = y.copy()
    x[:, :, hole(y.shape[2])] = UNKNOWN
    return x, y


def hole(visible: int) -> np.ndarray:
    """Which dots are hidden: the square in the middle, half as wide as the picture; bool (visible,)."""
    side = round(visible**0.5)
    first, gap = (side - side // 2) // 2, np.zeros((side, side), bool)
    gap[first : first + side // 2, first : first + side // 2] = True
    return gap.reshape(-1)


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of the dots in the hole on the right side of one half; outputs and y (n, 1, visible)."""
    gap = hole(y.shape[-1])
    guess = np.asarray(outputs).reshape(y.shape)[..., gap] > 0.5
    return float((guess == (y[..., gap] > 0.5)).mean())


def baseline(size: str = "default") -> float:
    """What the metric is for the mean of the training pictures, the best guess that does not look."""
    _, y = inputs("test", 500, size)
    mean = whole("train", 5000, size).mean(0)
    return metric(np.repeat(mean[None], len(y), 0), y)


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Maximum likelihood with persistent chains, judged by annealed importance sampling; the tiny one by `learn`.

    Args:
        out: folder for `rbm.safetensors`, its figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn and a few epochs.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training rbm")
    import torch

    from picozoo.train import boltzmann, loop

    began = time.perf_counter()
    with loop.repeatable(seed):
        model = build(size)
        if size == "tiny":
            with torch.no_grad():
                for picture in stream(quick):
                    model.learn(torch.from_numpy(picture))  # type: ignore[operator]
            metrics = figures(model, size)
            return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)
        grey = data.load("digits" if quick else "mnist", "train").x.reshape(-1, 784).astype(np.float32) / 255
        epochs = 3 if quick else EPOCHS
        machine = boltzmann.train(
            torch.from_numpy(grey),
            SHAPES[size][1],
            epochs=epochs,
            rate=RATE,
            steps=lambda epoch: 1 if epoch < epochs * 2 // 3 else 3,
            seed=seed,
            checkpoint=Path(out),
            name=CARD.name,
            progress=progress,
        )
        loop.halve(machine)
        with torch.no_grad():
            model.get_buffer("w").copy_(machine.w.T)
            model.get_buffer("b").copy_(machine.b)
            model.get_buffer("c").copy_(machine.c)
        metrics = likelihood(machine, grey, quick) | figures(model, size)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def likelihood(machine: nn.Module, grey: np.ndarray, quick: bool = False) -> dict[str, float]:
    """Mean log-likelihood of test digits in nats, dots drawn with their grey values as chances, seed 0.

    Args:
        machine: a `train.boltzmann.Machine`.
        grey: training pictures (n, 784), 0 to 1: the start of the annealing has their mean.
    """
    import torch

    from picozoo.train import boltzmann

    test = data.load("digits" if quick else "mnist", "test").x.reshape(-1, 784).astype(np.float32) / 255
    drawn = torch.from_numpy((np.random.default_rng(0).random(test.shape) < test).astype(np.float32))
    mean = torch.from_numpy(grey).mean(0).clamp(0.005, 0.995)
    log_z, error = boltzmann.log_partition(
        machine,  # type: ignore[arg-type]
        torch.log(mean / (1 - mean)),
        temperatures=300 if quick else 10000,
        runs=20 if quick else 100,
        seed=0,
    )
    with torch.no_grad():
        free = float(machine.free_energy(drawn).double().mean())  # type: ignore[operator]
    return {"log_likelihood": round(-free - log_z, 3), "log_z_error": round(error, 3)}


def stream(quick: bool = False) -> list[np.ndarray]:
    """What the tiny machine learns from: the training digits in a fixed random order, several times."""
    x = whole("train", size="tiny")
    chance = np.random.default_rng(0)
    return [x[i] for _ in range(1 if quick else PASSES) for i in chance.permutation(len(x))]


def figures(model: nn.Module, size: str) -> dict[str, float]:
    """The metric in PyTorch on 500 test digits, and that of guessing the mean."""
    import torch

    x, y = inputs("test", 500, size)
    with torch.no_grad():
        made = np.stack([model(torch.from_numpy(row)).numpy() for row in x])
        model.get_buffer("dice").copy_(build(size).get_buffer("dice"))  # the artefact starts where the seed does
    return {"completion": round(metric(made, y), 4), "mean_guess": round(baseline(size), 4)}


def lessons(size: str = "default") -> tuple[str, list[tuple[np.ndarray, ...]], dict[str, np.ndarray]]:
    """What to teach on the board: all that the tiny machine was trained with, from its first weights."""
    if size != "tiny":
        raise UsageError("network 'rbm': only the size tiny learns on the board: rbm:tiny")
    hidden, visible = SHAPES[size][1], SHAPES[size][0] ** 2
    start = np.random.default_rng(1986).normal(0, 0.01, (hidden, visible)).astype(np.float32)
    blank = {"w": start, "b": np.zeros(visible, np.float32), "c": np.zeros(hidden, np.float32)}
    return "learn", [(x,) for x in stream()], blank


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Digits with a hole, what it makes of them, and one of them completed several times."""
    x, y = inputs("test", 60, size)
    side = SHAPES[size][0]
    labels = data.load(source(size), "test").y[:60]
    pick = [int(np.argmax(labels == d)) for d in range(6)]

    def draw(v: np.ndarray) -> np.ndarray:
        return np.where(v < 0, 0.5, v).reshape(side, side).astype(np.float32)

    made = [board.call_real("forward", x[i])[0] for i in pick]
    often = [board.call_real("forward", x[pick[3]])[0] for _ in range(6)]
    return [
        pictures.Images("What the board is given: the grey dots are unknown", tuple(draw(x[i]) for i in pick)),
        pictures.Images(f"What it makes of them in {GIBBS} steps of sampling", tuple(draw(v) for v in made)),
        pictures.Images("The whole digits, which it never saw", tuple(draw(y[i]) for i in pick)),
        pictures.Images("One of them six times: the dice fall otherwise", tuple(draw(v) for v in often)),
    ]
