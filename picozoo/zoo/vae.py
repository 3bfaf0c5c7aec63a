"""Variational auto-encoder: codes that fill a plain bell curve, so that a code drawn by chance is a new digit.

784 -> 100 -> mean and log variance of a code of 16 -> a code drawn from them -> 100 -> 256 -> 784
"""

from __future__ import annotations

import os
import time
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.zoo import _encoders
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="vae",
    title="Variational auto-encoder",
    family="auto-encoder",
    year=2013,
    authors="D. P. Kingma, M. Welling",
    paper="Auto-encoding variational Bayes, ICLR 2014 (arXiv 2013)",
    task="Draws new digits, and walks from one digit to another through digits that nobody wrote.",
    introduced=(
        "A lower bound of the likelihood (the ELBO) that can be trained by plain gradients, since the drawn code is "
        "written as mean + deviation x noise. D. J. Rezende and others found the same in 2014."
    ),
    why_it_mattered=(
        "The first deep generative model that is easy to train; the pictures of latent diffusion models are drawn in "
        "the code of one."
    ),
    differs_from_paper=(
        "100 hidden units before the code and layers of 100 and 256 behind it instead of one of 500 each, ReLU instead "
        "of tanh, and batch normalisation (Ioffe and Szegedy, 2015), which the compiler folds into the weights.",
        "Adam, which its first author published a year later, instead of Adagrad.",
        "Dots are drawn with their grey values as chances; the mean over all draws of a picture is taken exactly. The "
        "encoder sees the grey picture.",
        "On the board forward draws from the mean of the code, so that it can be compared; sample draws by chance.",
    ),
    data=_encoders.DATA,
    data_licence=_encoders.LICENCE,
    metric="share of the variance of test digits that is given back from the mean of their code",
    metric_name="variance explained",
    target=0.84,
    board={"default": "nano33ble", "plane": "nano33ble"},
    boards=("nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward", "encode", "decode", "sample"),
    main="forward",
    sizes=("default", "plane"),
    train_minutes=2,
    quick={"explained": 0.6},
    results={
        "explained": 0.8512,
        "elbo": -101.1,
        "lost_in_drawing": 79.19,
        "cost_of_code": 21.93,
        "elbo_of_1000": -100.32,
        "elbo_of_1000_int8": -101.4,
        "plane_elbo": -147.38,
        "plane_explained": 0.4154,
    },
    references=("https://arxiv.org/abs/1312.6114", "https://arxiv.org/abs/1401.4082"),
    cells="input 5 > hidden 4 > probabilistic 2 > hidden 3 > hidden 4 > match 5",
    variants={"plane": {"target": 0.4}},
)
HIDDEN = {"default": (100, 100, 256), "plane": (64, 64, 100)}  # one layer before the code, two behind it
CODE = {"default": 16, "plane": 2}
EPOCHS, BATCH, RATE = 30, 100, 4e-3
DRAWS = 10  # codes drawn of each test picture for its ELBO
GRID = 10  # pictures in a row of the plane
PLACED = (0, 1, 3, 4, 6, 7)  # digits whose places are shown: more cannot be told apart


def build(size: str = "default") -> nn.Module:
    """The network; a code is float32 (1, 16), or (1, 2) of the size plane.

    `forward(x)`: x float32 (1, 784), 0 paper to 1 ink -> the chance of ink of each dot, from the mean of the code.
    `encode(x)` -> mean and log variance of the code. `decode(code)` -> chances of ink.
    `sample(spread)`: float32 (1, 1) -> a new picture, from a code drawn with that deviation: 1 as it was trained, less
    for what lies nearer the middle. The generator's state is kept; the same state gives the same picture everywhere.

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building vae")
    import torch
    from torch import nn

    from picozoo.train import chance

    (before, behind, last), code = HIDDEN[size], CODE[size]

    class VAE(nn.Module):
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.h1, self.norm1 = nn.Linear(_encoders.DOTS, before), nn.BatchNorm1d(before)
            self.mean = nn.Linear(before, code)
            self.log_variance = nn.Linear(before, code)
            self.h2, self.norm2 = nn.Linear(code, behind), nn.BatchNorm1d(behind)
            self.h3, self.norm3 = nn.Linear(behind, last), nn.BatchNorm1d(last)
            self.dots = nn.Linear(last, _encoders.DOTS)
            self.register_buffer("dice", chance.new_state(2013))

        def seen(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.norm1(self.h1(x)))  # (N, 784) -> (N, 100)

        def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = self.seen(x)
            return self.mean(h), self.log_variance(h)  # -> (N, code) each

        def drawn(self, code: torch.Tensor) -> torch.Tensor:
            """Log odds of ink; what the recipe compares."""
            h = torch.relu(self.norm2(self.h2(code)))  # (N, code) -> (N, 100)
            odds: torch.Tensor = self.dots(torch.relu(self.norm3(self.h3(h))))  # -> (N, 256) -> (N, 784)
            return odds

        def decode(self, code: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.drawn(code))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decode(self.mean(self.seen(x)))

        def sample(self, spread: torch.Tensor) -> torch.Tensor:
            return self.decode(chance.gaussian(self.dice, (1, code)) * spread)

    return VAE()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x, code = torch.zeros(1, _encoders.DOTS), torch.zeros(1, CODE[size])
    return {"forward": (x,), "encode": (x,), "decode": (code,), "sample": (torch.ones(1, 1),)}


def calibration(size: str = "default") -> dict[str, tuple[np.ndarray, ...]]:
    """Codes as `sample` draws them, for `decode`; the spread of training for `sample`."""
    codes = np.random.default_rng(2013).normal(size=(200, 1, CODE[size])).astype(np.float32)
    return {"decode": (codes,), "sample": (np.ones((200, 1, 1), np.float32),)}


def source(size: str = "default") -> str:
    """The data set of `inputs`."""
    return _encoders.source()


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Digits, x float32 (n, 1, 784), 0..1, the first `limit` of "train" or "test"; y is the same."""
    CARD.check_size(size)
    x = _encoders.digits(split, limit)
    return x, x


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance given back; outputs and y (n, 1, 784)."""
    return _encoders.explained(outputs, y)


def bound(model: nn.Module, x: torch.Tensor, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The two parts of the ELBO of each picture in nats, from one drawn code: what is lost drawing it, and what its
    code costs. Their negative sum is the ELBO.

    Args:
        x: (N, 784), grey values: the chance that a dot is ink. The loss is the mean over all such pictures of dots.

    Returns:
        Cross-entropy and divergence KL(q(code | x), N(0, 1)), (N,) each.

    Source: Kingma and Welling, equation 10. With q from the grey picture it bounds the likelihood of each draw of dots.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    mean, log_variance = model.encode(x)  # type: ignore[operator]
    noise = torch.randn(mean.shape, generator=chance)
    odds = model.drawn(mean + torch.exp(0.5 * log_variance) * noise)  # type: ignore[operator]
    lost = binary_cross_entropy_with_logits(odds, x, reduction="none").sum(1)
    return lost, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Climbs the ELBO.

    Args:
        out: folder for `vae.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training vae")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    name = "digits" if quick else "mnist"
    with loop.repeatable(seed):
        model = build(size)

        def loss(x: torch.Tensor, chance: torch.Generator, epoch: int) -> torch.Tensor:
            lost, cost = bound(model, x, chance)
            return (lost + cost).mean()

        _encoders.fit(
            model,
            torch.from_numpy(_encoders.digits("train", None, name)[:, 0]),
            loss,
            name=f"{CARD.name}_{size}",
            out=out,
            epochs=EPOCHS,
            batch=20 if quick else BATCH,
            rate=RATE,
            seed=seed,
            progress=progress,
        )
        metrics = _figures(model, _encoders.digits("test", None, name)[:, 0])
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _figures(model: nn.Module, rows: np.ndarray) -> dict[str, float]:
    """The metric, and the ELBO in nats a picture with its two parts."""
    import torch

    x, chance = torch.from_numpy(rows), torch.Generator().manual_seed(0)
    with torch.no_grad():
        made = model(x).numpy()
        parts = [[v.double().mean() for v in bound(model, x, chance)] for _ in range(DRAWS)]
    lost, cost = (float(np.mean([p[k] for p in parts])) for k in (0, 1))
    return {
        "explained": round(metric(made, rows), 4),
        "elbo": round(-lost - cost, 2),
        "lost_in_drawing": round(lost, 2),
        "cost_of_code": round(cost, 2),
    }


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """New digits, the plane of codes walked (or the way between four digits), and how well digits are given back."""
    picture, pick = _encoders.picture, _encoders.one_of_each(8)
    x = _encoders.digits("test", int(pick.max()) + 1)[pick]
    made = [board.call_real("forward", v)[0] for v in x]
    new = [board.call_real("sample", np.ones((1, 1), np.float32))[0] for _ in range(16)]
    return [
        *(_plane(board) if size == "plane" else _between(board, x)),
        pictures.Images(
            "New digits that the board drew: codes thrown with its own dice, as chance had them",
            tuple(map(picture, new)),
            columns=8,
        ),
        pictures.Images("Digits it has not seen", tuple(map(picture, x))),
        pictures.Images(f"The same from {CODE[size]} numbers each", tuple(map(picture, made))),
    ]


def _plane(board: pictures.Board) -> list[pictures.Shown]:
    """The whole plane of codes drawn by the board, and where it puts test digits."""
    steps = [NormalDist().inv_cdf((k + 0.5) / GRID) for k in range(GRID)]
    drawn = [board.call_real("decode", np.array([[u, v]], np.float32))[0] for v in steps[::-1] for u in steps]
    labels = data.load(_encoders.source(), "test").y[:600]
    x = _encoders.digits("test", len(labels))
    places = {d: np.stack([board.call_real("encode", v)[0][0] for v in x[labels == d]]) for d in PLACED}
    return [
        pictures.Images(
            f"The plane walked: what the board draws from codes of two numbers, from {steps[0]:.2f} to {steps[-1]:.2f} "
            "both ways, in steps of equal chance",
            (_encoders.sheet(drawn, GRID),),
        ),
        pictures.Points(
            "Where on the plane it puts test digits, some of each; nobody told it which is which",
            {str(d): found for d, found in places.items()},
            "first number of the code",
            "second",
        ),
    ]


def _between(board: pictures.Board, x: np.ndarray) -> list[pictures.Shown]:
    """The codes between those of four digits, drawn by the board."""
    a, b, c, d = (board.call_real("encode", x[k])[0] for k in (0, 3, 7, 4))
    steps = np.linspace(0, 1, GRID)
    mixed = [(1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * c + u * d) for v in steps for u in steps]
    drawn = [board.call_real("decode", m.astype(np.float32))[0] for m in mixed]
    return [
        pictures.Images(
            "A walk through the codes: test digits 0, 3, 7 and 4 at the corners, between them what nobody wrote",
            (_encoders.sheet(drawn, GRID),),
        )
    ]
