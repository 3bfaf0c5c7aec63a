"""Denoising auto-encoder: shown damaged pictures and asked for the whole ones, it learns what digits look like.

784, half of them lost -> 256 -> 784, the same weights there and back
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.zoo import _encoders
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="dae",
    title="Denoising auto-encoder",
    family="auto-encoder",
    year=2008,
    authors="P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol",
    paper="Extracting and composing robust features with denoising autoencoders, ICML 2008",
    task="Draws whole digits again of which half of the dots were lost.",
    introduced=(
        "Damage what goes in, ask for what was there: so that even a wide hidden layer cannot get away with copying."
    ),
    why_it_mattered=(
        "The same trade, filling in what was hidden, trains BERT and masked auto-encoders; taking noise away a little "
        "at a time, from nothing but noise, is how diffusion models draw."
    ),
    differs_from_paper=(
        "256 hidden units instead of 2000, and one layer: the paper stacks three and puts a classifier on top.",
        "Half of the dots are lost, more than the paper's most (40 %), so that the repair can be seen.",
        "Adam instead of gradient descent.",
    ),
    data=_encoders.DATA,
    data_licence=_encoders.LICENCE,
    metric="share of the variance of whole test digits that is given back from damaged ones",
    metric_name="variance explained",
    target=0.82,
    board={"default": "nano33ble"},
    boards=("nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    train_minutes=2,
    quick={"explained": 0.75},
    results={"explained": 0.8337, "linear_filter": 0.7406, "as_it_came": 0.1544},
    references=("https://doi.org/10.1145/1390156.1390294",),
    cells="noisy 5 > hidden 4 > match 5",
)
HIDDEN, LOST = 256, 0.5
EPOCHS, BATCH, RATE = 30, 100, 2e-3


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 784), 0 paper to 1 ink, lost dots 0 -> the whole picture, as large.

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building dae")
    import torch
    from torch import nn
    from torch.nn.functional import linear

    class DAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.Linear(_encoders.DOTS, HIDDEN)
            self.w, self.b = layer.weight, layer.bias  # (hidden, dots), (hidden,)
            self.c = nn.Parameter(torch.zeros(_encoders.DOTS))

        def drawn(self, x: torch.Tensor) -> torch.Tensor:
            """Log odds of ink; what the recipe compares."""
            h = torch.sigmoid(linear(x, self.w, self.b))  # (N, 784) -> (N, 256)
            return linear(h, self.w.T, self.c)  # -> (N, 784)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.drawn(x))

    return DAE()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, _encoders.DOTS),)}


def source(size: str = "default") -> str:
    """The data set of `inputs`."""
    return _encoders.source()


def inputs(
    split: str, limit: int | None = None, size: str = "default", lost: float = LOST, name: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Damaged digits and whole ones.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.
        lost: chance of each dot to be set to 0; which, is always the same.
        name: of the data set; by default that of `source`.

    Returns:
        x float32 (n, 1, 784), damaged; y the same without damage.
    """
    CARD.check_size(size)
    y = _encoders.digits(split, limit, name)
    kept = np.random.default_rng([2008, split == "test"]).random(y.shape, np.float32) >= lost
    return y * kept, y


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance given back; outputs and y (n, 1, 784)."""
    return _encoders.explained(outputs, y)


def linear_filter(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The best linear repair by least squares, float64 (785, 784) for rows (dots, 1); x and y (n, 784)."""
    rows = np.concatenate([x, np.ones((len(x), 1), x.dtype)], 1).astype(np.float64)
    found: np.ndarray = np.linalg.solve(rows.T @ rows + np.eye(rows.shape[1]), rows.T @ y)
    return found


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Cross-entropy between the whole picture and what is made of the damaged one; other dots are lost every time.

    Args:
        out: folder for `dae.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training dae")
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from picozoo.train import loop

    began = time.perf_counter()
    name = "digits" if quick else "mnist"
    damaged, whole = (a[:, 0] for a in inputs("train", name=name))
    with loop.repeatable(seed):
        model = build()

        def loss(x: torch.Tensor, chance: torch.Generator, epoch: int) -> torch.Tensor:
            kept = (torch.rand(x.shape, generator=chance) >= LOST).float()
            return binary_cross_entropy_with_logits(model.drawn(x * kept), x, reduction="sum") / len(x)  # type: ignore[operator]

        _encoders.fit(
            model,
            torch.from_numpy(whole),
            loss,
            name=CARD.name,
            out=out,
            epochs=EPOCHS,
            batch=20 if quick else BATCH,
            rate=RATE,
            seed=seed,
            progress=progress,
        )
        x, y = (a[:, 0] for a in inputs("test", name=name))
        with torch.no_grad():
            made = model(torch.from_numpy(x)).numpy()
        line = np.concatenate([x, np.ones((len(x), 1), x.dtype)], 1) @ linear_filter(damaged, whole)
        metrics = {
            "explained": round(metric(made, y), 4),
            "linear_filter": round(metric(np.clip(line, 0, 1), y), 4),
            "as_it_came": round(metric(x, y), 4),
        }
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Whole, damaged and repaired digits, one with more and more damage, and what hidden units look for."""
    CARD.check_size(size)
    picture, pick = _encoders.picture, _encoders.one_of_each(8)
    x, y = (a[pick] for a in inputs("test", int(pick.max()) + 1))
    made = [board.call_real("forward", v)[0] for v in x]
    shares = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9)
    worse = [inputs("test", int(pick[2]) + 1, lost=s)[0][-1] for s in shares]
    again = [board.call_real("forward", v)[0] for v in worse]
    return [
        pictures.Images("Digits of which half of the dots were lost: what the board is given", tuple(map(picture, x))),
        pictures.Images("What it makes of them", tuple(map(picture, made))),
        pictures.Images("What they were; it never saw these", tuple(map(picture, y))),
        pictures.Images(
            "More and more damage; it was trained with 50 %",
            (*map(picture, worse), *map(picture, again)),
            (*(f"{s:.0%} lost" for s in shares), *("repaired" for _ in shares)),
            columns=len(shares),
        ),
        pictures.Images(
            "What eight of its hidden units look for (orange speaks for them, blue against)",
            tuple(map(picture, units()[:8])),
            signed=True,
            common=False,
        ),
    ]


def units() -> np.ndarray:
    """The incoming weights of the shipped artefact's hidden units, (256, 784), those first that digits move most."""
    from picozoo.network import load

    weights = next(a for a in load(CARD.name).program.constants.values() if a.shape == (HIDDEN, _encoders.DOTS))
    heard = inputs("train", 2000)[0][:, 0] @ weights.T
    found: np.ndarray = weights[np.argsort(-heard.std(0), kind="stable")]
    return found
