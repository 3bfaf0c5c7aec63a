"""Deep feed forward network: several dense layers between picture and answer, each fed by all of the one before.

    784 -> 256 -> 128 -> 10

Read-out is the largest of ten logits.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.zoo import _digits, _turned
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="deep_ff",
    title="Deep feed forward network",
    family="dense",
    year=1986,
    authors="D. E. Rumelhart, G. E. Hinton, R. J. Williams",
    paper="Learning representations by back-propagating errors, Nature 323, 1986",
    task="Reads a handwritten digit with dense layers alone: it knows nothing of neighbouring dots.",
    introduced="Back-propagation made hidden layers learn features that nobody designed.",
    why_it_mattered=(
        "It ended the doubt, sown by the perceptron's limits, that networks with hidden layers could be trained; D. C. "
        "Ciresan and others (2010) showed that plain deep ones, with enough turned and shifted pictures, read digits "
        "as well as anything then."
    ),
    differs_from_paper=(
        "ReLU instead of the logistic function, cross-entropy instead of squared error.",
        "Adam and drop-out instead of gradient descent with momentum.",
        "Trained on turned, scaled and shifted digits, as Ciresan and others did in 2010.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of test digits read right",
    target=0.984,
    board={"default": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    train_minutes=8,
    quick={"digits_accuracy": 0.85},
    results={"mnist_accuracy": 0.9919, "digits_accuracy": 0.9917},
    cells="input 4 > hidden 6 > hidden 5 > output 4",
    references=(
        "https://doi.org/10.1038/323533a0",
        "https://doi.org/10.1162/NECO_a_00052",
    ),
)
SIZES = (784, 256, 128, 10)
EPOCHS, BATCH, RATE = 40, 100, 2e-3


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 1, 28, 28), 0 paper to 1 ink -> logits float32 (1, 10).

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building deep_ff")
    from torch import nn

    class DeepFF(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.h1 = nn.Linear(SIZES[0], SIZES[1])
            self.h2 = nn.Linear(SIZES[1], SIZES[2])
            self.out = nn.Linear(SIZES[2], SIZES[3])
            self.relu = nn.ReLU()
            self.drop = nn.Dropout(0.1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.drop(self.relu(self.h1(x.flatten(1))))  # (N, 1, 28, 28) -> (N, 256)
            x = self.drop(self.relu(self.h2(x)))  # -> (N, 128)
            logits: torch.Tensor = self.out(x)  # -> (N, 10)
            return logits

    return DeepFF()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function, batch 1."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(1, 1, 28, 28),)}


def inputs(
    split: str, limit: int | None = None, size: str = "default", source: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures x float32 (n, 1, 1, 28, 28), 0..1, and labels y int64 (n,); see `_digits.inputs`."""
    CARD.check_size(size)
    return _digits.inputs(split, limit, source)


def adapt(tests: int, size: str = "default") -> tuple[str, _turned.Examples, _turned.Examples]:
    """What it goes on to learn on the board with --learn: digits turned by 60 degrees; see `_turned.adaptation`."""
    CARD.check_size(size)
    return _turned.adaptation(inputs, tests)


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of pictures whose largest logit is the right one; outputs (n, 10) or (n, 1, 10), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), 10).argmax(1) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Train on MNIST and the scikit-learn digits together, pictures turned, scaled and shifted a little.

    Args:
        out: folder for `deep_ff.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: scikit-learn's digits only, a few epochs: seconds, no download, a weaker network.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training deep_ff")
    import torch
    from torch.nn.functional import cross_entropy

    from picozoo.train import digits, loop

    began = time.perf_counter()
    x, y = digits.pool(quick)
    total, batch = (12, 32) if quick else (EPOCHS, BATCH)
    with loop.repeatable(seed):
        model = build()
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=1e-5)

        def step(epoch: int) -> float:
            chance = torch.Generator().manual_seed(seed * 1000 + epoch)
            torch.manual_seed(seed * 1000 + epoch)  # of drop-out
            order = torch.randperm(len(x), generator=chance)
            losses = []
            for at in range(0, len(order), batch):
                pick = order[at : at + batch]
                picture = x[pick].float()[:, None] / 255
                picture = picture if quick else digits.augment(picture, chance)
                loss = cross_entropy(model(picture), y[pick])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses))

        key = f"deep_ff-{seed}-{quick}-{total}"
        checkpoint = loop.Checkpoint(out, CARD.name, key)
        loop.epochs(step, model, optimiser, loop.cosine(RATE, total), total, checkpoint, progress)
        loop.halve(model.eval())
        metrics = {f"{s}_accuracy": _score(model, s) for s in (("digits",) if quick else ("mnist", "digits"))}
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _score(model: nn.Module, source: str) -> float:
    """Accuracy on the test part of one data set."""
    import torch

    x, y = inputs("test", source=source)
    with torch.no_grad():
        logits = torch.cat([model(torch.from_numpy(part)) for part in np.array_split(x[:, 0], 10)])
    return metric(logits.numpy(), y)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Digits it reads, the ones it is least sure of, and what its first layer looks for."""
    CARD.check_size(size)
    x, y = inputs("test", 100)
    scores = np.stack([board.call_real("forward", v)[0].reshape(-1) for v in x])
    top = np.sort(scores, axis=1)
    doubt = np.argsort(top[:, -1] - top[:, -2])[:6]
    answers = scores.argmax(1)

    def row(caption: str, pick: np.ndarray) -> pictures.Images:
        words = tuple(f"says {answers[i]}" + ("" if answers[i] == y[i] else f", is {y[i]}") for i in pick)
        return pictures.Images(caption, tuple(x[i, 0, 0] for i in pick), words)

    hard = int(doubt[0])
    share = np.exp(scores[hard] - scores[hard].max())
    return [
        row("Digits it has not seen, and what the board says", np.array([int(np.argmax(y == d)) for d in range(6)])),
        row("The six of a hundred that it is least sure of", doubt),
        pictures.Bars(
            "What it thinks of the first of these: the softmax of its ten scores",
            tuple(map(str, range(10))),
            np.round(share / share.sum(), 3),
            "share",
        ),
        pictures.Images(
            "What six units of its first layer look for: orange ink speaks for them, blue against",
            first_layer()[:6],
            signed=True,
            common=False,
        ),
    ]


def first_layer() -> tuple[np.ndarray, ...]:
    """The incoming weights of the units of the first layer of the shipped artefact, (28, 28) each, strongest first."""
    from picozoo.network import load

    weights = next(a for a in load(CARD.name).program.constants.values() if a.shape == (SIZES[1], SIZES[0]))
    order = np.argsort(-(weights**2).sum(1))
    return tuple(weights[k].reshape(28, 28) for k in order)
