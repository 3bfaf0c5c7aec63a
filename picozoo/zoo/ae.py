"""Auto-encoder: a picture squeezed through a few numbers, so that those must say what is in it.

    784 -> 128 -> code of 30 -> 128 -> 784

Size "pump" learnt how a healthy water pump sounds and draws; what it cannot give back is out of order.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.data import skab
from picozoo.zoo import _encoders
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="ae",
    title="Auto-encoder",
    family="auto-encoder",
    year=2006,
    authors="G. E. Hinton, R. R. Salakhutdinov",
    paper="Reducing the dimensionality of data with neural networks, Science 313, 2006",
    task="Puts a digit into 30 numbers and draws it again from them; as pump, says when a machine is not as it was.",
    introduced=(
        "Deep auto-encoders that beat principal components at the same length of code. The idea of learning to give "
        "back the input is of 1986 (Rumelhart, Hinton, Williams); Bourlard and Kamp showed in 1988 that with linear "
        "units it is no more than principal components."
    ),
    why_it_mattered=(
        "It showed that deep networks can be trained, and made the learnt code a tool: for search, for pictures, and "
        "for finding what is unlike anything seen before."
    ),
    differs_from_paper=(
        "784-128-30-128-784 instead of 784-1000-500-250-30 and back: a sixteenth of the weights, the same code.",
        "ReLU instead of logistic hidden units, so that no stack of Boltzmann machines has to train it first; the code "
        "is linear and the dots logistic, with cross-entropy, as in the paper.",
        "Adam instead of conjugate gradients.",
        "The pump form has tanh units and linear outputs, trained on squared error.",
    ),
    data=_encoders.DATA,
    data_licence=_encoders.LICENCE,
    metric="share of the variance of test digits that is given back",
    metric_name="variance explained",
    target=0.9,
    board={"default": "nano33ble", "pump": "nano33ble"},
    boards=("nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward", "encode", "decode"),
    main="forward",
    sizes=("default", "pump"),
    train_minutes=2,
    quick={"explained": 0.75},  # from 1,437 small pictures
    results={
        "explained": 0.9154,
        "principal_components": 0.7618,
        "pump_auc": 0.8953,
        "pump_auc_principal_components": 0.8559,
        "pump_faults_found": 0.4813,
        "pump_false_alarms": 0.0463,
    },
    references=(
        "https://doi.org/10.1126/science.1127647",
        "https://doi.org/10.1007/BF00332918",
        "https://github.com/waico/SKAB",
    ),
    cells="input 5 > hidden 4 > hidden 2 > hidden 4 > match 5",
    variants={
        "pump": {
            "functions": ("forward", "reconstruct"),
            "data": ("skab",),
            "data_licence": "SKAB is GPL-3.0; its files are not part of picozoo, only weights trained on them",
            "metric_name": "area under ROC",
            "metric_unit": "",
            "metric": "how often an anomalous moment scores above a normal one",
            "target": 0.88,
        }
    },
)
CODE = {"default": 30, "pump": 4}
HIDDEN = {"default": 128, "pump": 32}
EPOCHS, BATCH, RATE = {"default": 40, "pump": 20}, {"default": 100, "pump": 256}, 2e-3
SENSORS, SECONDS = 8, 8  # a window of the pump: its last seconds
BEGINNING, MOST = 100, 10.0  # seconds that say what is normal today; deviations beyond are cut off
# Held-out experiments that are shown, a moment of every four
FAULTS = (
    ("valve1/10", "valve", "The valve before the pump is closed"),
    ("other/7", "rotor", "The rotor goes out of balance in steps"),
    ("other/1", "leak", "Water leaks out and is filled up"),
)
EVERY = 4
PRINCIPAL = 3  # of 1, 2, 3, 4, 6 and 8 principal components the best count on training experiments held back
FALSE_ALARMS = 0.01  # share of healthy training moments that are above the level


def build(size: str = "default") -> nn.Module:
    """The network.

    Default: `forward(x)`: x float32 (1, 784), 0 paper to 1 ink -> the same from its code; `encode(x)` -> code float32
    (1, 30); `decode(code)` -> picture.
    Pump: `forward(x)`: x float32 (1, 64), eight seconds of eight sensors -> mean squared difference from what it
    expects, less the level of alarm, float32 (1, 1): above 0 something is wrong; `reconstruct(x)` -> what it expects.

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building ae")
    import torch
    from torch import nn

    hidden, code = HIDDEN[size], CODE[size]

    class AE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.h1 = nn.Linear(_encoders.DOTS, hidden)
            self.code = nn.Linear(hidden, code)
            self.h2 = nn.Linear(code, hidden)
            self.dots = nn.Linear(hidden, _encoders.DOTS)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.code(torch.relu(self.h1(x)))  # (N, 784) -> (N, 128) -> (N, 30)
            return found

        def drawn(self, code: torch.Tensor) -> torch.Tensor:
            """Log odds of ink; what the recipe compares."""
            odds: torch.Tensor = self.dots(torch.relu(self.h2(code)))  # (N, 30) -> (N, 128) -> (N, 784)
            return odds

        def decode(self, code: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.drawn(code))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.decode(self.encode(x))

    class Pump(nn.Module):
        level: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.h1 = nn.Linear(SECONDS * SENSORS, hidden)
            self.code = nn.Linear(hidden, code)
            self.h2 = nn.Linear(code, hidden)
            self.out = nn.Linear(hidden, SECONDS * SENSORS)
            self.register_buffer("level", torch.zeros(1, 1))

        def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
            found = self.code(torch.tanh(self.h1(x)))  # (N, 64) -> (N, 32) -> (N, 4)
            expected: torch.Tensor = self.out(torch.tanh(self.h2(found)))  # -> (N, 32) -> (N, 64)
            return expected

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            off = (x - self.reconstruct(x)) ** 2
            return off.sum(1, keepdim=True) * (1 / (SECONDS * SENSORS)) - self.level  # -> (N, 1)

    return Pump() if size == "pump" else AE()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    whole = torch.zeros(1, SECONDS * SENSORS if size == "pump" else _encoders.DOTS)
    return {f: (torch.zeros(1, CODE[size]) if f == "decode" else whole,) for f in CARD.at(size).functions}


def calibration(size: str = "default") -> dict[str, str]:
    """What `decode` is for: what `encode` gives."""
    return {} if size == "pump" else {"decode": "encode"}


def source(size: str = "default") -> str:
    """The data set of `inputs`."""
    return "skab" if size == "pump" else _encoders.source()


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """What goes in, and what is right.

    Args:
        split: "train" or "test".
        limit: at most so many: the first digits; moments spread evenly over all experiments.

    Returns:
        Digits x float32 (n, 1, 784) and y, the same; of the pump x float32 (n, 1, 64), and y int64 (n,), 1 for moments
        that are anomalous.
    """
    CARD.check_size(size)
    if size == "default":
        x = _encoders.digits(split, limit)
        return x, x
    parts = experiments(split)
    x, y = np.concatenate([w for w, _ in parts]), np.concatenate([labels[:, -1] for _, labels in parts])
    pick = np.arange(len(x)) if limit is None else np.linspace(0, len(x) - 1, min(limit, len(x))).astype(int)
    return x[pick, None], y[pick]


def experiments(split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The moments of each experiment of SKAB: windows float32 (n, 64), and the labels of their seconds (n, 8).

    Every sensor counts from the mean of its first 100 seconds, in standard deviations of those: what a board sees that
    takes the beginning of each day for normal.
    """
    part = data.load("skab", split)
    found = []
    for x, y in zip(np.split(part.x, part.starts[1:]), np.split(part.y, part.starts[1:]), strict=True):
        begin = x[:BEGINNING].astype(np.float64)
        scaled = np.clip((x - begin.mean(0)) / begin.std(0), -MOST, MOST).astype(np.float32)
        at = np.arange(len(x) - SECONDS + 1)[:, None] + np.arange(SECONDS)
        found.append((scaled[at].reshape(len(at), -1), y[at]))
    return found


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Variance given back; of the pump, whose y is labels (n,), the area under the ROC curve (ties count half).

    Example:
        >>> metric(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        0.75
    """
    if y.ndim > 1:
        return _encoders.explained(outputs, y)
    scores = np.asarray(outputs, np.float64).reshape(len(y))
    bad, good = scores[y == 1], np.sort(scores[y == 0])
    if not len(bad) or not len(good):
        return 0.5
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    return float(below.mean() / 2 / len(good))


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Cross-entropy of every dot; of the pump squared error, on moments without a fault only.

    Args:
        out: folder for `ae.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: digits of scikit-learn.

    Raises:
        MissingTool: PyTorch or a data set is missing.
    """
    CARD.check_size(size)
    need_torch("training ae")
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

    from picozoo.train import loop

    began = time.perf_counter()
    name = "digits" if quick else "mnist"
    rows = healthy() if size == "pump" else _encoders.digits("train", None, name)[:, 0]
    with loop.repeatable(seed):
        model = build(size)

        def loss(x: torch.Tensor, chance: torch.Generator, epoch: int) -> torch.Tensor:
            if size == "pump":
                return mse_loss(model.reconstruct(x), x)  # type: ignore[operator]
            odds = model.drawn(model.encode(x))  # type: ignore[operator]
            return binary_cross_entropy_with_logits(odds, x, reduction="sum") / len(x)

        _encoders.fit(
            model,
            torch.from_numpy(rows),
            loss,
            name=f"{CARD.name}_{size}",
            out=out,
            epochs=EPOCHS[size],
            batch=20 if quick and size == "default" else BATCH[size],
            rate=RATE,
            seed=seed,
            progress=progress,
        )
        with torch.no_grad():
            metrics = _alarms(model, rows) if size == "pump" else _given_back(model, rows, name)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def healthy() -> np.ndarray:
    """Moments of the training experiments without an anomalous second, float32 (n, 64)."""
    return np.concatenate([w[labels.max(1) == 0] for w, labels in experiments("train")])


def _given_back(model: nn.Module, rows: np.ndarray, name: str) -> dict[str, float]:
    """The figure on test digits, and that of as many principal components."""
    import torch

    x = _encoders.digits("test", None, name)[:, 0]
    made = np.clip(_encoders.principal(rows, x, CODE["default"]), 0, 1)
    return {
        "explained": round(_encoders.explained(model(torch.from_numpy(x)).numpy(), x), 4),
        "principal_components": round(_encoders.explained(made, x), 4),
    }


def _alarms(model: nn.Module, rows: np.ndarray) -> dict[str, float]:
    """Sets the level of alarm; the figure on the held-out experiments, and those of principal components."""
    import torch

    scores = model(torch.from_numpy(rows)).numpy()[:, 0]
    model.get_buffer("level").fill_(float(np.quantile(scores, 1 - FALSE_ALARMS)))
    x, y = inputs("test", size="pump")
    found = model(torch.from_numpy(x[:, 0])).numpy()[:, 0]
    off = ((_encoders.principal(rows, x[:, 0], PRINCIPAL) - x[:, 0]) ** 2).mean(1)
    return {
        "auc": round(metric(found, y), 4),
        "auc_principal_components": round(metric(off, y), 4),
        "faults_found": round(float((found > 0)[y == 1].mean()), 4),
        "false_alarms": round(float((found > 0)[y == 0].mean()), 4),
    }


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Digits, their codes, what is drawn from them, and what lies between two; of the pump three faults."""
    if size == "pump":
        return _faults(board)
    picture = _encoders.picture
    pick = _encoders.one_of_each(8)
    x = _encoders.digits("test", int(pick.max()) + 1)[pick]
    codes = [board.call_real("encode", v)[0] for v in x]
    made = [board.call_real("forward", v)[0] for v in x]
    linear = np.clip(_encoders.principal(_encoders.digits("train", 10000)[:, 0], x[:, 0], CODE["default"]), 0, 1)
    a, b = codes[3], codes[7]
    steps = np.linspace(0, 1, 8)
    between = [board.call_real("decode", ((1 - t) * a + t * b).astype(np.float32))[0] for t in steps]
    return [
        pictures.Images("Digits it has not seen: 784 dots each", tuple(map(picture, x))),
        pictures.Images(
            "Their codes: 30 numbers each, all that the second half is told (orange above zero, blue below)",
            tuple(c.reshape(5, 6) for c in codes),
            signed=True,
        ),
        pictures.Images("What the board draws from the codes", tuple(map(picture, made))),
        pictures.Images("What 30 principal components, the best linear code, make of it", tuple(map(picture, linear))),
        pictures.Images("From the code of the 3 to that of the 7 in equal steps", tuple(map(picture, between))),
    ]


def _faults(board: pictures.Board) -> list[pictures.Shown]:
    """The score over three held-out experiments, and which sensors gave it."""
    from picozoo.network import load

    level = float(load("ae:pump").program.constants["@level"].reshape(()))
    seen: list[pictures.Shown] = []
    off = []
    for name, _, words in FAULTS:
        x, labels = experiments("test")[skab.TEST.index(name)]
        at = np.arange(0, len(x), EVERY)
        scores = np.array([float(board.call_real("forward", x[i][None])[0].reshape(())) for i in at])
        wrong = labels[at, -1] == 1
        begins, ends = int(at[wrong][0]), int(at[wrong][-1]) + EVERY
        seen.append(
            pictures.Curves(
                f"{words}: alarm above 0, in {(scores > 0)[wrong].mean():.0%} of the moments with the fault and "
                f"{(scores > 0)[~wrong].mean():.0%} of the others",
                (at + SECONDS) / 60,
                {"how far off": np.log2(np.maximum(scores + level, level / 8) / level)},
                "minutes",
                "score over level, powers of 2",
                ((begins / 60, "fault begins"), (ends / 60, "fault ends")),
            )
        )
        some = [i for i, bad in zip(at, wrong, strict=True) if bad][::4]
        gaps = np.stack([(x[i] - board.call_real("reconstruct", x[i][None])[0][0]).reshape(SECONDS, -1) for i in some])
        off.append((gaps**2).mean((0, 1)))
    rows = tuple(
        (sensor, *(f"{v[k]:.1f}" for v in off)) for k, sensor in enumerate(s.replace("RMS", "") for s in skab.SENSORS)
    )
    head = ("sensor", *(short for _, short, _ in FAULTS))
    words = "Which sensors were not as expected during the faults: mean squared difference, about 1 on a good day"
    return [*seen, pictures.Table(words, head, rows)]
