"""LSTM (Hochreiter and Schmidhuber, 1997) that labels every time step of a waist accelerometer as it comes.

x (1, 3), 100 per g -> times 1/100 -> LSTM cell, state h and c (1, H) -> dense -> logits (1, 5)
"""

from __future__ import annotations

import os
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

    from picozoo.data import Split

CARD = Card(
    name="lstm_activity",
    title="LSTM, activity recognition",
    family="recurrent",
    year=1997,
    authors="S. Hochreiter, J. Schmidhuber",
    paper="Long Short-Term Memory, Neural Computation 9(8), 1997",
    task="Says at every time step what a person with a phone at the waist does: dance, run, sit, stand or walk.",
    introduced="A memory cell with gates: what is written, and read, is learnt, and gradients survive long delays.",
    why_it_mattered="For twenty years the standard network for speech, handwriting, translation and sensor streams.",
    differs_from_paper=(
        "With the forget gate of Gers, Schmidhuber and Cummins (2000), as every LSTM has today; no peepholes.",
        "Trained by back-propagation through time over long pieces; the paper cuts gradients at the cell's borders.",
        "Classifies each step from the past only (no window, no look-ahead); the state is never reset within a stream.",
    ),
    data=("human_activity",),
    data_licence="not stated (example data of the MathWorks Deep Learning Toolbox)",
    metric="share of time steps of the held-out person labelled right, streaming from a zero state",
    target=0.93,
    board={"default": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("step",),
    main="step",
    train_minutes=2,
    streaming=True,
    quick={"accuracy": 0.6},
    results={
        "accuracy": 0.9805,
        "recall_dancing": 0.8767,
        "recall_running": 0.9896,
        "recall_sitting": 1.0,
        "recall_standing": 0.9755,
        "recall_walking": 0.9964,
    },
    cells="input 3 > gated 5 > output 3",
    references=("https://doi.org/10.1162/neco.1997.9.8.1735", "https://doi.org/10.1162/089976600300015015"),
)
HIDDEN = 32
UNIT = 0.01  # the data count about 100 per g; the network sees g
STREAMS, PIECE, PIECES = 48, 160, 12  # streams side by side; steps between two updates; updates per pass
PASSES, RATE = 600, 4e-3
EXCERPTS = 10  # with a limit, scoring takes so many excerpts, each from a zero state


def build(size: str = "default") -> nn.Module:
    """The network; `step(x)`: x float32 (1, 3), 100 per g -> logits float32 (1, 5); keeps h and c, float32 (1, 32).

    `sequence(x, state)` runs whole batches with the same weights; it is for training on a computer, not for boards.

    Raises:
        UsageError: another size than "default".
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building lstm_activity")
    import torch
    from torch import nn

    class LstmActivity(nn.Module):
        h: torch.Tensor
        c: torch.Tensor
        unit: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(3, HIDDEN)
            self.out = nn.Linear(HIDDEN, 5)
            self.register_buffer("unit", torch.full((1, 1), UNIT))
            self.register_buffer("h", torch.zeros(1, HIDDEN))
            self.register_buffer("c", torch.zeros(1, HIDDEN))
            with torch.no_grad():  # forget gate open at first: memory lasts until training says otherwise
                self.cell.bias_ih[HIDDEN : 2 * HIDDEN] += 1

        def step(self, x: torch.Tensor) -> torch.Tensor:
            h, c = self.cell(x * self.unit, (self.h, self.c))
            self.h.copy_(h)
            self.c.copy_(c)
            logits: torch.Tensor = self.out(h)
            return logits

        def sequence(
            self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
        ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
            """x (T, B, 3) -> logits (T, B, 5) and the state (h, c), each (1, B, H), after the last step."""
            cell = self.cell
            weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
            zero = torch.zeros(1, x.shape[1], HIDDEN)
            # nn.LSTM over the cell's own weights: much faster than calling the cell step by step
            y, h, c = torch.lstm(x * self.unit, state or (zero, zero), weights, True, 1, 0.0, False, False, False)
            return self.out(y), (h, c)

    return LstmActivity()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function, batch 1."""
    CARD.check_size(size)
    import torch

    return {"step": (torch.zeros(1, 3),)}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Steps and labels for scoring; `starts` says before which the state is reset.

    Args:
        split: "test" (the held-out person) or "train".
        limit: at most so many steps: ten excerpts of equal length, two of each activity if the split is one person's
            (with fewer than ten steps, just the first ones).

    Returns:
        x float32 (n, 1, 3), 100 per g; y int64 (n,), 0..4.
    """
    CARD.check_size(size)
    part = data.load(CARD.data[0], split)
    take = _taken(part, limit)
    return part.x[take][:, None], part.y[take]


def starts(split: str, limit: int | None = None, size: str = "default") -> tuple[int, ...]:
    """Indices of `inputs(split, limit)` at which a new stream begins and the state must be zero."""
    CARD.check_size(size)
    part = data.load(CARD.data[0], split)
    take = _taken(part, limit)
    jumps = np.flatnonzero(np.diff(take) != 1) + 1
    known = np.flatnonzero(np.isin(take, part.starts))
    return tuple(sorted({0, *(int(i) for i in jumps), *(int(i) for i in known)}))


def _taken(part: Split, limit: int | None) -> np.ndarray:
    """Which steps `inputs` takes, ascending: all, or excerpts spread over the activities."""
    if limit is None or limit >= len(part.y):
        return np.arange(len(part.y))
    if limit < EXCERPTS:
        return np.arange(limit)
    length = limit // EXCERPTS
    bounds = [0, *(np.flatnonzero(np.diff(part.y)) + 1), len(part.y)]
    parts = list(pairwise(bounds))
    picked: list[np.ndarray] = []
    for k in range(EXCERPTS):  # excerpt k lies in part k % parts, at 1/4 or 3/4 and so on of it
        low, high = parts[k % len(parts)]
        share = (2 * (k // len(parts)) + 1) / (2 * -(-EXCERPTS // len(parts)))
        at = int(low + max(0, high - low - length) * share)
        picked.append(np.arange(at, min(at + length, high)))
    return np.unique(np.concatenate(picked))


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of steps whose largest logit is the right activity; outputs (n, 5) or (n, 1, 5), y (n,)."""
    return float((np.asarray(outputs).reshape(len(y), 5).argmax(1) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Truncated back-propagation through time over streams glued from pieces of all training persons.

    Every person's recording has the same order of activities, and some phones hang upside down; pieces in random order,
    turned about random axes, keep the network from learning either.

    Args:
        out: folder for `lstm_activity.safetensors`, its JSON figures and, meanwhile, the checkpoint to resume from.
        quick: a few short passes: seconds, a weak network.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training lstm_activity")
    import torch
    from torch.nn.functional import cross_entropy

    from picozoo.train import loop

    began = time.perf_counter()
    part = data.load(CARD.data[0], "train")
    total, pieces = (40, 6) if quick else (PASSES, PIECES)
    with loop.repeatable(seed):
        model = build()
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)

        def step(epoch: int) -> float:
            x, y = _streams(part, np.random.default_rng((seed, epoch)), pieces)
            state, losses = None, []
            for at in range(0, len(x), PIECE):
                logits, state = model.sequence(x[at : at + PIECE], state)  # type: ignore[operator]
                state = (state[0].detach(), state[1].detach())
                loss = cross_entropy(logits.flatten(0, 1), y[at : at + PIECE].flatten())
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                losses.append(float(loss.detach()))
            return float(np.mean(losses))

        key = f"lstm_activity-{seed}-{quick}-{total}"
        checkpoint = loop.Checkpoint(out, CARD.name, key)
        loop.epochs(step, model, optimiser, loop.cosine(RATE, total), total, checkpoint, progress)
        metrics = figures(model)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _streams(part: Split, chance: np.random.Generator, pieces: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`STREAMS` streams of pieces x PIECE steps, each glued from stretches of one activity of one person at a time.

    Returns:
        x float32 (T, B, 3) and y int64 (T, B).
    """
    import torch

    bounds = sorted({0, *(np.flatnonzero(np.diff(part.y)) + 1), *part.starts[1:], len(part.y)})
    spans = list(pairwise(bounds))
    steps = pieces * PIECE
    x = np.empty((steps, STREAMS, 3), np.float32)
    y = np.empty((steps, STREAMS), np.int64)
    for b in range(STREAMS):
        at = 0
        while at < steps:
            low, high = spans[chance.integers(len(spans))]
            length = int(min(chance.integers(80, 900), steps - at, high - low))
            begin = int(chance.integers(low, high - length + 1))
            x[at : at + length, b] = part.x[begin : begin + length] @ _turn(chance)
            y[at : at + length, b] = part.y[begin : begin + length]
            at += length
    return torch.from_numpy(x), torch.from_numpy(y)


def _turn(chance: np.random.Generator) -> np.ndarray:
    """How else the phone could have been worn: upside down now and then, tilted by some 15 degrees, a gain error."""
    a, b, c = chance.normal(0, 0.25, 3)
    tilt = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]])
    tilt, _ = np.linalg.qr(tilt)  # nearest thing to a small rotation; column signs are set right below
    tilt *= np.sign(np.diag(tilt))
    flip = np.diag([-1.0, -1.0, 1.0]) if chance.random() < 0.3 else np.eye(3)
    turned: np.ndarray = (tilt @ flip * chance.normal(1, 0.05)).astype(np.float32)
    return turned


def figures(model: nn.Module, split: str = "test") -> dict[str, float]:
    """Accuracy per step, recall per activity, and accuracy with the activities in the reverse order.

    The last one shows that the network does not live from the order in which all recordings are made.
    """
    import torch

    part = data.load(CARD.data[0], split)
    with torch.no_grad():
        guess = model.sequence(torch.from_numpy(part.x)[:, None])[0][:, 0].argmax(1).numpy()  # type: ignore[operator]
    found = {"accuracy": float((guess == part.y).mean())}
    for label, name in enumerate(data.info(CARD.data[0]).classes):
        found[f"recall_{name}"] = float((guess[part.y == label] == label).mean())
    cuts = np.split(np.arange(len(part.y)), np.flatnonzero(np.diff(part.y)) + 1)
    other = np.concatenate(cuts[::-1])
    with torch.no_grad():
        guess = model.sequence(torch.from_numpy(part.x[other])[:, None])[0][:, 0].argmax(1).numpy()  # type: ignore[operator]
    found["accuracy_reverse_order"] = float((guess == part.y[other]).mean())
    return found
