"""Sparse auto-encoder: of many hidden units only a few may speak, so each becomes a part that digits are made of.

784 -> 256, all but the 16 largest set to zero -> 784, the same weights there and back
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
    name="sae",
    title="Sparse auto-encoder",
    family="auto-encoder",
    year=2013,
    authors="A. Makhzani, B. Frey",
    paper="k-Sparse autoencoders, ICLR 2014 (arXiv 2013)",
    task="Takes a digit apart into 16 of 256 learnt strokes.",
    introduced=(
        "Sparse codes without a penalty: keep the k largest hidden units, set the others to zero. Sparse coding itself "
        "is of 1996 (Olshausen, Field), with an encoder of 2007 (Ranzato and others)."
    ),
    why_it_mattered=(
        "Few active units are units with a meaning. The same k-sparse layer, grown to millions of units, takes the "
        "thoughts of large language models apart (Gao and others, 2024)."
    ),
    differs_from_paper=(
        "256 hidden units instead of 1000; 16 of them speak, in the paper 10 to 70.",
        "Adam instead of gradient descent with momentum. As in the paper k falls in training, so that few units die.",
    ),
    data=_encoders.DATA,
    data_licence=_encoders.LICENCE,
    metric="share of the variance of test digits that is given back from 16 active units",
    metric_name="variance explained",
    target=0.8,
    board={"default": "nano33ble"},
    boards=("nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward", "encode"),
    main="forward",
    train_minutes=2,
    quick={"explained": 0.85},
    results={"explained": 0.8222, "principal_components": 0.6235, "active": 16.0, "never_active": 0.0},
    references=("https://arxiv.org/abs/1312.5663", "https://doi.org/10.1038/381607a0"),
    cells="input 4 > hidden 7 > match 4",
)
HIDDEN, ACTIVE, AT_FIRST = 256, 16, 128
EPOCHS, BATCH, RATE = 30, 100, 1e-3
STEPS = (1, 2, 4, 8, ACTIVE)  # strokes with which a digit is shown on its way


def build(size: str = "default") -> nn.Module:
    """The network.

    `forward(x)`: x float32 (1, 784), 0 paper to 1 ink -> the same from its parts; `encode(x)` -> how much of each part,
    float32 (1, 256), zero but for 16. (In int8 units that are equal to the 16th speak too.)

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building sae")
    import torch
    from torch import nn
    from torch.nn.functional import linear

    class SAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.Linear(_encoders.DOTS, HIDDEN)
            self.w, self.b = layer.weight, layer.bias  # (hidden, dots), (hidden,)
            self.c = nn.Parameter(torch.zeros(_encoders.DOTS))

        def encode(self, x: torch.Tensor, active: int = ACTIVE) -> torch.Tensor:
            heard = linear(x, self.w, self.b)  # (N, 784) -> (N, 256)
            least = torch.topk(heard, active, dim=1).values[:, active - 1 :]  # -> (N, 1), the 16th largest
            return torch.where(heard >= least, heard, 0.0)

        def decode(self, code: torch.Tensor) -> torch.Tensor:
            return linear(code, self.w.T, self.c)  # (N, 256) -> (N, 784)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decode(self.encode(x))

    return SAE()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return dict.fromkeys(CARD.functions, (torch.zeros(1, _encoders.DOTS),))


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


def active_in(epoch: int) -> int:
    """How many units may speak: from 128 down to 16 in equal ratios over the first half of the epochs.

    Example:
        >>> active_in(0), active_in(EPOCHS // 2), active_in(EPOCHS - 1)
        (128, 16, 16)
    """
    share = min(1.0, epoch / (EPOCHS // 2))
    return round(AT_FIRST * float((ACTIVE / AT_FIRST) ** share))


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Squared error; gradients flow through the units that speak.

    Args:
        out: folder for `sae.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training sae")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    name = "digits" if quick else "mnist"
    rows = _encoders.digits("train", None, name)[:, 0]
    with loop.repeatable(seed):
        model = build()

        def loss(x: torch.Tensor, chance: torch.Generator, epoch: int) -> torch.Tensor:
            made: torch.Tensor = model.decode(model.encode(x, active_in(epoch)))  # type: ignore[operator]
            return (made - x).square().sum() / len(x)

        _encoders.fit(
            model,
            torch.from_numpy(rows),
            loss,
            name=CARD.name,
            out=out,
            epochs=EPOCHS,
            batch=20 if quick else BATCH,
            rate=RATE,
            seed=seed,
            progress=progress,
        )
        x = _encoders.digits("test", None, name)[:, 0]
        with torch.no_grad():
            made = model(torch.from_numpy(x)).numpy()
            codes = model.encode(torch.from_numpy(x)).numpy()  # type: ignore[operator]
        metrics = {
            "explained": round(metric(made, x), 4),
            "principal_components": round(metric(np.clip(_encoders.principal(rows, x, ACTIVE), 0, 1), x), 4),
            "active": round(float((codes != 0).sum(1).mean()), 3),
            "never_active": int((codes == 0).all(0).sum()),
        }
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Digits from their parts, the codes, one digit put together part by part, and the parts used most."""
    CARD.check_size(size)
    picture, pick = _encoders.picture, _encoders.one_of_each(8)
    x = _encoders.digits("test", int(pick.max()) + 1)[pick]
    codes = [board.call_real("encode", v)[0].reshape(-1) for v in x]
    made = [board.call_real("forward", v)[0] for v in x]
    parts, paper = strokes()
    code = codes[4]
    order = np.argsort(-code * np.sqrt((parts**2).sum(1)))[: int((code != 0).sum())]
    sums = [paper + code[order[:n]] @ parts[order[:n]] for n in STEPS]
    common = np.argsort(-np.count_nonzero(codes, axis=0), kind="stable")[:24]
    return [
        pictures.Images("Digits it has not seen", tuple(map(picture, x))),
        pictures.Images("What the board gives back from 16 numbers each", tuple(inked(v) for v in made)),
        pictures.Images(
            "Their codes: which few of the 256 units speak, and how loud", tuple(c.reshape(16, 16) for c in codes)
        ),
        pictures.Images(
            "The 4 taken apart: the strokes that speak (orange adds ink, blue takes it away), the most important first",
            tuple(picture(code[k] * parts[k]) for k in order[:8]),
            tuple(f"{code[k]:.1f} of unit {k}" for k in order[:8]),
            signed=True,
        ),
        pictures.Images(
            "The 4 put together from its first 1, 2, 4, 8 and all strokes",
            tuple(inked(v) for v in sums),
            tuple(f"{n} strokes" if n > 1 else "1 stroke" for n in STEPS),
        ),
        pictures.Images(
            "The 24 strokes that these digits use most",
            tuple(picture(parts[k]) for k in common),
            signed=True,
            columns=8,
            common=False,
        ),
    ]


def inked(dots: np.ndarray) -> np.ndarray:
    """Dots of an output without a limit as a picture of 0 to 1."""
    tile: np.ndarray = np.clip(_encoders.picture(dots), 0, 1)
    return tile


def strokes() -> tuple[np.ndarray, np.ndarray]:
    """The shipped artefact's parts (256, 784), and what it draws without any (784,)."""
    from picozoo.network import load

    found = load(CARD.name).program.constants
    return found["@w"], found["@c"]
