"""LeNet-5 (LeCun, Bottou, Bengio, Haffner, 1998): the convolutional network that read cheques.

    1x28x28 -> pad to 32x32 -> C1 6@28x28 -> S2 6@14x14 -> C3 16@10x10 -> S4 16@5x5 -> C5 120 -> F6 84 -> 10

Read-out is the largest of ten logits.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo.zoo import _digits, _turned
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="lenet5",
    title="LeNet-5",
    family="convolutional",
    year=1998,
    authors="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    paper="Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE 86(11), 1998",
    task="Reads a handwritten digit from a 28x28 picture.",
    introduced="Convolution, subsampling and dense layers, all learnt together from pixels by gradient descent.",
    why_it_mattered=(
        "Its descendants read millions of cheques a day, and its plan (convolve, shrink, repeat, classify) is that of "
        "nearly every vision network since."
    ),
    differs_from_paper=(
        "ReLU instead of scaled tanh.",
        "Maximum pooling instead of averaging with a learnt gain and bias.",
        "C3 sees all six maps of S2; the paper's table connects each C3 map to only some of them.",
        "A dense layer gives ten logits, trained with cross-entropy; the paper ends in radial basis units.",
        "Pictures are scaled to 0..1 and padded with paper inside; Adam instead of stochastic Levenberg-Marquardt.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of test digits read right",
    target=0.99,
    board={"default": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward",),
    main="forward",
    train_minutes=5,
    quick={"digits_accuracy": 0.85},  # from 1,437 small pictures alone; the full recipe has MNIST as well
    results={"mnist_accuracy": 0.9934, "digits_accuracy": 0.9944},
    cells="input 5 > pool 4 > pool 3 > hidden 4 > output 3",
    references=(
        "https://doi.org/10.1109/5.726791",
        "http://yann.lecun.com/exdb/lenet/",
    ),
)
EPOCHS, BATCH, RATE = 28, 100, 2e-3


def build(size: str = "default") -> nn.Module:
    """The network; `forward(x)`: x float32 (1, 1, 28, 28), 0 paper to 1 ink -> logits float32 (1, 10).

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building lenet5")
    from torch import nn

    class LeNet5(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c1 = nn.Conv2d(1, 6, 5, padding=2)
            self.c3 = nn.Conv2d(6, 16, 5)
            self.c5 = nn.Linear(400, 120)
            self.f6 = nn.Linear(120, 84)
            self.out = nn.Linear(84, 10)
            self.pool = nn.MaxPool2d(2)
            self.relu = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.pool(self.relu(self.c1(x)))  # (N, 1, 28, 28) -> (N, 6, 14, 14)
            x = self.pool(self.relu(self.c3(x)))  # -> (N, 16, 5, 5)
            x = self.relu(self.c5(x.flatten(1)))  # -> (N, 120)
            logits: torch.Tensor = self.out(self.relu(self.f6(x)))  # -> (N, 10)
            return logits

    return LeNet5()


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
        out: folder for `lenet5.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: scikit-learn's digits only, a few epochs: seconds, no download, a weaker network.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training lenet5")
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

        key = f"lenet5-{seed}-{quick}-{total}"
        checkpoint = loop.Checkpoint(out, CARD.name, key)
        loop.epochs(step, model, optimiser, loop.cosine(RATE, total), total, checkpoint, progress)
        metrics = {f"{s}_accuracy": _score(model, s) for s in (("digits",) if quick else ("mnist", "digits"))}
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _score(model: nn.Module, source: str) -> float:
    """Accuracy on the test part of one data set."""
    import torch

    x, y = inputs("test", source=source)
    with torch.no_grad():
        logits = torch.cat([model(torch.from_numpy(part)) for part in np.array_split(x[:, 0], 10)])
    return metric(logits.numpy(), y)
