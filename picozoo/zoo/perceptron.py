"""The Mark I Perceptron (Rosenblatt, 1957-1960): photocells, association units wired at random, one response unit.

    400 photocells (0/1) -> 6 wires to each of 192 association units, fire above a threshold -> sum of learnt weights

All integers: it runs, and learns, on the smallest chip.
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
    name="perceptron",
    title="Mark I Perceptron",
    family="dense",
    year=1957,
    authors="F. Rosenblatt",
    paper="The Perceptron: A Perceiving and Recognizing Automaton, Cornell Aeronautical Laboratory 85-460-1, 1957",
    task="Sees a 20x20 picture through photocells and learns from its mistakes to tell a handwritten 0 from a 1.",
    introduced="A machine that learns its weights from examples, and provably will if the task can be done at all.",
    why_it_mattered="The first learning neural machine; its rule is the ancestor of every gradient step since.",
    differs_from_paper=(
        "192 association units instead of 512, six wires each (the machine allowed up to forty), to fit an Uno.",
        "One response unit instead of eight.",
        "Weights are 16-bit integers that change by one; the machine turned potentiometers with motors.",
        "The picture is a threshold on MNIST's grey values, not a projected slide.",
    ),
    data=("mnist", "digits"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed); UCI digits CC BY 4.0",
    metric="share of test zeros and ones told apart",
    target=0.99,
    board={"default": "uno", "untrained": "uno"},
    boards=("pico", "nano33ble", "esp32c3", "browser"),
    functions=("forward", "learn"),
    main="forward",
    sizes=("default", "untrained"),
    precision="native",
    train_minutes=0.5,
    learns=True,
    quick={"digits_accuracy": 0.95},
    results={"mnist_accuracy": 0.9995, "digits_accuracy": 0.9859},
    cells="input 5 > hidden 4 > output 1",
    references=(
        "https://doi.org/10.1037/h0042519",
        "Mark I Perceptron Operators' Manual, Cornell Aeronautical Laboratory report VG-1196-G-5, 1960",
        "A. Novikoff, On convergence proofs for perceptrons, 1962",
    ),
)
CELLS, UNITS, EXCITE, INHIBIT = 400, 192, 4, 2
THRESHOLD = 0  # a unit fires if more exciting than inhibiting cells are lit
WIRING_SEED = 1957
INK = 96  # of 255; of 96, 128, 176 and 208 the best on parts held back from the training data
PASSES, DIGITS_REPEAT = 10, 6


def wiring() -> np.ndarray:
    """Which photocells each association unit sees: int32 (6, 192), rows 0-3 excite, rows 4-5 inhibit; always the same.

    Each unit has six different cells, drawn at random, as the plug-board of the machine was wired.
    """
    chance = np.random.default_rng(WIRING_SEED)
    wires = np.stack([chance.permutation(CELLS)[: EXCITE + INHIBIT] for _ in range(UNITS)], axis=1)
    return wires.astype(np.int32)


def build(size: str = "default") -> nn.Module:
    """The network, weights at zero (size "untrained" is the same network, shipped without weights).

    `forward(x)`: x int8 (400,), 0 or 1 -> score int32 (1,), above zero means "one".
    `learn(x, target)`: target int32 (1,), +1 or -1 -> the score before learning; changes the weights, int16 (192,),
    by one where a unit fired, and only if the score has not the sign of the target. Weights wrap around beyond
    +-32767, which needs as many mistakes more than corrections; Novikoff's bound keeps separable tasks far from it.

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building perceptron")
    import torch
    from torch import nn

    class Perceptron(nn.Module):
        w: torch.Tensor
        off: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            for k, row in enumerate(wiring()):
                self.register_buffer(f"wire{k}", torch.from_numpy(row))
            self.register_buffer("w", torch.zeros(UNITS, dtype=torch.int16))
            self.register_buffer("off", torch.zeros(1, dtype=torch.int16))

        def _fire(self, x: torch.Tensor) -> torch.Tensor:
            """Which association units fire, bool (192,); one wire of all units at a time to save memory."""
            total = torch.index_select(x, 0, self.get_buffer("wire0"))  # (400,) -> (192,), int8
            for k in range(1, EXCITE + INHIBIT):
                lit = torch.index_select(x, 0, self.get_buffer(f"wire{k}"))
                total = total + lit if k < EXCITE else total - lit
            return total > THRESHOLD

        def _score(self, fired: torch.Tensor) -> torch.Tensor:
            return torch.where(fired, self.w, self.off).sum(dim=0, keepdim=True, dtype=torch.int32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self._score(self._fire(x))

        def learn(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            fired = self._fire(x)
            score = self._score(fired)
            wrong = score * target <= 0
            change = torch.where(wrong, target.to(torch.int16), self.off)  # (1,)
            self.w.add_(torch.where(fired, change, self.off))
            return score

    return Perceptron()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x = torch.zeros(CELLS, dtype=torch.int8)
    return {"forward": (x,), "learn": (x, torch.ones(1, dtype=torch.int32))}


def photocells(images: np.ndarray) -> np.ndarray:
    """What the photocells see of MNIST-like pictures: the middle 20x20, 1 where a cell sees enough ink.

    Args:
        images: uint8 (n, 28, 28).

    Returns:
        int8 (n, 400), 0 or 1.
    """
    return (images[:, 4:24, 4:24] >= INK).reshape(len(images), CELLS).astype(np.int8)


def inputs(
    split: str, limit: int | None = None, size: str = "default", source: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of zeros and ones.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.
        source: "mnist" or "digits"; by default MNIST if it is here, else scikit-learn's digits.

    Returns:
        x int8 (n, 400); y int64 (n,), +1 for a one and -1 for a zero, which is also the target of `learn`.
    """
    CARD.check_size(size)
    part = data.load(source or ("mnist" if data.available("mnist") else "digits"), split)
    take = np.flatnonzero(part.y < 2)[:limit]
    return photocells(part.x[take]), part.y[take] * 2 - 1


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of scores with the sign of y; a score of zero is wrong. outputs (n,) or (n, 1), y (n,), +1 or -1."""
    return float((np.sign(np.asarray(outputs).reshape(len(y)).astype(np.int64)) == y).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Show zeros and ones of both data sets in random order; `learn` corrects its mistakes until a pass has none.

    Args:
        out: folder for `perceptron.safetensors` and its JSON figures.
        size: "untrained" saves the start instead.
        quick: scikit-learn's digits instead of MNIST: seconds, no download.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training perceptron")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    x, y = _pool(quick)
    chance = np.random.default_rng(seed)
    passes = 0 if size == "untrained" else PASSES
    with loop.repeatable(seed), torch.no_grad():
        model = build()
        shown = mistakes = 0
        for epoch in range(passes):
            wrong = 0
            order = chance.permutation(len(x))
            for i in order:
                target = torch.tensor([int(y[i])], dtype=torch.int32)
                score = model.learn(torch.from_numpy(x[i]), target)  # type: ignore[operator]
                wrong += int(int(score) * int(y[i]) <= 0)
            shown, mistakes = shown + len(order), mistakes + wrong
            if progress:
                progress((epoch + 1) / passes, f"pass {epoch + 1} of {passes}, {wrong} mistakes")
            if not wrong:
                break
        largest = int(model.get_buffer("w").abs().max())
        metrics: dict[str, float] = {"shown": shown, "mistakes": mistakes, "largest_weight": largest}
        for name in ("digits",) if quick else ("mnist", "digits"):
            xs, ys = inputs("test", source=name)
            scores = np.array([int(model.forward(torch.from_numpy(row))) for row in xs])
            metrics[f"{name}_accuracy"] = metric(scores, ys)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _pool(quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Training pictures and targets: both data sets, the small one repeated, since its strokes are thicker."""
    small = inputs("train", source="digits")
    if quick:
        return small
    big = inputs("train", source="mnist")
    parts = [big] + [small] * DIGITS_REPEAT
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def lessons(
    size: str = "default", count: int = 300
) -> tuple[str, list[tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """What to teach on the board: the function, its calls, and the states that start at zero.

    Training pictures in a fixed random order; 300 of them are enough to reach the trained figure within a point.
    """
    x, y = inputs("train")
    order = np.random.default_rng(0).permutation(len(x))[:count]
    calls = [(x[i], np.array([y[i]], np.int32)) for i in order]
    return "learn", calls, ("w",)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """It learns from nothing on the board: the mistakes it learnt from, how they grow rare, and what it has learnt."""
    board.set_state("w", np.zeros(UNITS, np.int16))
    mistakes, weights = [], []
    calls = lessons(size)[1]
    for x, target in calls:
        score = board.call_real("learn", x, target)[0].item()
        mistakes.append(score * target.item() <= 0)
        weights.append(seen_by(board.get_state("w")))
    made = np.cumsum(mistakes)
    wrong = [i for i, m in enumerate(mistakes) if m]
    last = wrong[-1] + 1 if wrong else 0
    steps = [wrong[0], *[wrong[len(wrong) * k // 4 - 1] for k in (1, 2, 3, 4)]]
    return [
        pictures.Images(
            f"The first mistakes it learnt from, of {len(wrong)} in {len(calls)} examples",
            tuple(calls[i][0].reshape(20, 20) for i in wrong[:6]),
            tuple(f"example {i + 1}: a {'one' if calls[i][1] > 0 else 'zero'}" for i in wrong[:6]),
        ),
        pictures.Curves(
            f"It learns only from mistakes, and they grow rare: the last one was example {last}",
            np.arange(1, len(made) + 1), {"mistakes so far": made}, "examples shown", "mistakes so far",
        ),
        pictures.Images(
            "What the weights say of each photocell while it learns: orange speaks for a one, blue for a zero",
            tuple(weights[i] for i in steps), tuple(f"after mistake {wrong.index(i) + 1}" for i in steps),
            signed=True, common=False,
        ),
    ]  # fmt: skip


def seen_by(weights: np.ndarray) -> np.ndarray:
    """Weights of the association units, (192,), carried back along their wires to the photocells, (20, 20).

    Example:
        >>> seen_by(np.ones(UNITS)).sum() == UNITS * (EXCITE - INHIBIT)
        np.True_
    """
    cells = np.zeros(CELLS)
    for k, row in enumerate(wiring()):
        np.add.at(cells, row, np.asarray(weights, np.float64) * (1 if k < EXCITE else -1))
    return cells.reshape(20, 20)
