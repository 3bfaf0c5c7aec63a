"""Boltzmann machine (1985): every unit asks all the others and decides by chance; it learns by comparing day and dream.

    9 visible + 8 hidden units, 0 or 1, every two tied; each is on with the chance sigmoid(what it hears / temperature)

Learning: ties grow between units that are on together while pictures are shown, and shrink between those that are on
together while it runs free.
"""

from __future__ import annotations

import os
import time
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="boltzmann",
    title="Boltzmann machine",
    family="energy-based",
    year=1985,
    authors="D. H. Ackley, G. E. Hinton, T. J. Sejnowski",
    paper="A learning algorithm for Boltzmann machines, Cognitive Science 9, 1985",
    task="Learns that pictures are made of bars or of stripes, completes damaged ones by annealing, dreams new ones.",
    introduced="Hidden units with a learning rule of their own: what two units do together, awake less asleep.",
    why_it_mattered=(
        "The first rule that trained hidden units in a network with loops, a year before back-propagation spread; "
        "energy-based models, contrastive divergence and deep belief networks come from it."
    ),
    differs_from_paper=(
        "Bars and stripes of 3 x 3 dots (as in MacKay's book) instead of the 4-2-4 encoder.",
        "The free phase goes on where it was (Neal, 1992; Tieleman, 2008) in 42 machines side by side; all pictures "
        "are shown at once.",
        "Ties change by a rate that falls with every lesson; the paper's change by a fixed amount.",
        "A unit's bias is its tie to itself, which comes to the same.",
    ),
    data=(),
    data_licence="generated",
    metric="share of damaged pictures that it makes bars or stripes of again",
    metric_name="pictures completed",
    target=0.9,
    board={"default": "nano33ble"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("forward", "dream", "learn"),
    main="forward",
    precision="float32",
    train_minutes=1,
    learns=True,
    cells="ring probabilistic 9",
    quick={"completed": 0.85},
    results={"completed": 0.995, "divergence": 0.0629, "divergence_int8": 0.0626},
    references=(
        "https://doi.org/10.1207/s15516709cog0901_7",
        "D. J. C. MacKay, Information Theory, Inference, and Learning Algorithms, chapter 43, 2003",
        "R. M. Neal, Connectionist learning of belief networks, Artificial Intelligence 56, 1992",
    ),
)
SIDE, VISIBLE, HIDDEN = 3, 9, 8
UNITS = VISIBLE + HIDDEN
DREAMERS = 42  # machines that run free side by side while it learns
LESSONS, RATE, FALL = 4000, 3.0, 40.0  # the rate is RATE / (1 + lessons so far / FALL)
TAUGHT = 400  # lessons that bring a board within a point of the trained figure
CLAMPED, FREE = (1.0, 1.0, 1.0), (1.5, 1.0, 1.0, 1.0)  # temperature of each sweep of a lesson: awake, asleep
# temperature of each sweep of a completion; of five schedules the best on the pictures called "train"
ANNEALING = (3.0, 2.5, 2.0, 1.75, 1.5, 1.25, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
UNKNOWN, MISSING, TESTS = -1.0, 4, 200  # of an unknown dot; dots of nine that are not told; pictures held out


def build(size: str = "default") -> nn.Module:
    """The machine, knowing nothing.

    `forward(x)`: x float32 (9,), 1 ink, 0 paper, -1 unknown -> a whole picture, float32 (9,): the unknown dots and the
    hidden units settle while it cools.
    `dream()`: -> the pictures of 42 machines that ran free for some sweeps more, float32 (42, 9).
    `learn(x)`: x float32 (14, 9), pictures, 0 or 1 -> the largest change of a tie, float32 (1,).

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building boltzmann")
    import torch
    from torch import nn

    from picozoo.train import chance

    class Boltzmann(nn.Module):
        w: torch.Tensor
        free: torch.Tensor
        done: torch.Tensor
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            for name, values in nothing().items():
                self.register_buffer(name, torch.from_numpy(values))
            self.register_buffer("dice", chance.new_state(1985))
            self.register_buffer("zero", torch.zeros(1, dtype=torch.int32))
            for name, values in schedules().items():
                self.register_buffer(name, torch.from_numpy(values))

        def _random(self, units: int, machines: int) -> torch.Tensor:
            luck: torch.Tensor = chance.uniform(self.dice, (units, machines))
            return (luck < 0.5).float()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            shown = torch.cat([x, torch.full((HIDDEN,), UNKNOWN)]).reshape(UNITS, 1)
            s = torch.where(shown >= 0, shown, self._random(UNITS, 1))
            return _settle(self, "cool", s, (shown >= 0).float())[:VISIBLE].reshape(VISIBLE)

        def dream(self) -> torch.Tensor:
            self.free.copy_(_settle(self, "asleep", self.free))
            return self.free[:VISIBLE].T.contiguous()

        def learn(self, x: torch.Tensor) -> torch.Tensor:
            n = len(x)
            shown = torch.cat([x.T, self._random(HIDDEN, n)])
            awake = _settle(self, "awake", shown)  # (17, 14)
            asleep = _settle(self, "asleep", self.free)  # (17, 42)
            together = torch.matmul(awake, awake.T) * (1 / n) - torch.matmul(asleep, asleep.T) * (1 / DREAMERS)
            change = together * (RATE / (1 + self.done / FALL))
            self.w.add_(change)
            self.free.copy_(asleep)
            self.done.add_(1)
            return change.abs().amax().reshape(1)

    return Boltzmann()


def schedules() -> dict[str, np.ndarray]:
    """Which unit decides at each step, int32, and 1 / temperature of the step, float32; of each way to settle."""
    every, inner = list(range(UNITS)), list(range(VISIBLE, UNITS))
    made: dict[str, np.ndarray] = {}
    for name, units, heat in (("cool", every, ANNEALING), ("awake", inner, CLAMPED), ("asleep", every, FREE)):
        made[f"{name}_unit"] = np.array(units * len(heat), np.int32)
        made[f"{name}_cold"] = np.repeat(1 / np.array(heat, np.float32), len(units))
    return made


def _settle(model: nn.Module, plan: str, s: torch.Tensor, held: torch.Tensor | None = None) -> torch.Tensor:
    """Let units decide one after the other, in machines side by side.

    Args:
        plan: one of `schedules`.
        s: (17, machines), 0 or 1.
        held: (17, machines): 1 where a unit keeps what it is, whatever it hears.
    """
    import torch

    from picozoo.train import chance

    units, cold = (model.get_buffer(f"{plan}_{what}") for what in ("unit", "cold"))
    steps, machines = len(units), s.shape[1]
    luck = chance.uniform(model.get_buffer("dice"), (steps, machines))

    def more(s: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return (k < steps).reshape(())

    def decide(s: torch.Tensor, k: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        i = torch.index_select(units, 0, k)
        was = torch.index_select(s, 0, i)
        ties = torch.index_select(model.get_buffer("w"), 0, i)  # (1, 17)
        bias = torch.index_select(ties.reshape(UNITS), 0, i)  # its tie to itself, which it hears on or off
        hears = torch.matmul(ties, s) + bias * (1 - was)  # (1, machines)
        p = torch.sigmoid(hears * torch.index_select(cold, 0, k))
        now = (torch.index_select(luck, 0, k) < p).float()
        if held is not None:
            now = torch.where(torch.index_select(held, 0, i) > 0, was, now)
        return torch.index_copy(s, 0, i.long(), now), k + 1

    start = (s, model.get_buffer("zero").clone())
    if not torch.compiler.is_exporting():  # the same in Python, which is much faster than PyTorch's loop
        for _ in range(steps):
            start = decide(*start)
        return start[0]
    settled: torch.Tensor = torch.while_loop(more, decide, start)[0]  # type: ignore[no-untyped-call]
    return settled


def nothing() -> dict[str, np.ndarray]:
    """The state before the first lesson: ties near zero, free machines that are nowhere, no lessons done."""
    chance = np.random.default_rng(1985)
    w = chance.normal(0, 0.1, (UNITS, UNITS))
    return {
        "w": ((w + w.T) / 2).astype(np.float32),
        "free": (chance.random((UNITS, DREAMERS)) < 0.5).astype(np.float32),
        "done": np.zeros(1, np.float32),
    }


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    return {"forward": (torch.zeros(VISIBLE),), "dream": (), "learn": (torch.from_numpy(whole()),)}


def whole() -> np.ndarray:
    """All fourteen pictures of bars or stripes, float32 (14, 9), each once; all white and all black are both."""
    made = {tuple(np.repeat(np.array(line)[:, None], SIDE, 1).reshape(-1)) for line in product((0, 1), repeat=SIDE)}
    made |= {tuple(np.repeat(np.array(line)[None], SIDE, 0).reshape(-1)) for line in product((0, 1), repeat=SIDE)}
    return np.array(sorted(made), np.float32)


def source(size: str = "default") -> str:
    """What `inputs` is, in words."""
    CARD.check_size(size)
    return "damaged bars and stripes"


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Pictures of which four dots are not told: of all 1,764 ways 200 are "test", the others "train".

    Returns:
        x float32 (n, 9): 1, 0, and -1 for an unknown dot; y float32 (n, 9), a picture that it can be.
    """
    CARD.check_size(size)
    ways = [m for m in product((False, True), repeat=VISIBLE) if sum(m) == MISSING]
    y = np.repeat(whole(), len(ways), 0)
    x = np.where(np.tile(np.array(ways), (len(whole()), 1)), np.float32(UNKNOWN), y)
    order = np.random.default_rng(43).permutation(len(x))
    pick = (order[:TESTS] if split == "test" else order[TESTS:])[:limit]
    return x[pick], y[pick]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of outputs that are bars or stripes; outputs (n, 9), y only counts them.

    Every bars or stripes with the dots that were told are right: `forward` keeps those.
    """
    allowed = {row.tobytes() for row in whole()}
    rows = np.round(np.asarray(outputs).reshape(len(y), VISIBLE)).astype(np.float32)
    return sum(row.tobytes() in allowed for row in rows) / len(y)


def distribution(w: np.ndarray) -> np.ndarray:
    """The chance of each of the 512 pictures at temperature 1, by adding up all 131,072 states; float64 (512,).

    Args:
        w: ties (17, 17), symmetric, biases in the diagonal.

    Returns:
        In the order of binary numbers, the first dot as the highest digit.
    """
    states = np.array(list(product((0, 1), repeat=UNITS)), np.float64)
    w = np.asarray(w, np.float64)
    lower = -0.5 * ((states @ w * states).sum(1) + states @ np.diag(w))  # energy: each tie once, each bias once
    weight = np.exp(lower.min() - lower).reshape(1 << VISIBLE, -1).sum(1)
    made: np.ndarray = weight / weight.sum()
    return made


def in_int8(w: np.ndarray) -> np.ndarray:
    """The ties rounded to eight bits with one scale, for a machine that learns no more; float32 (17, 17)."""
    scale = np.abs(w).max() / 127
    made: np.ndarray = (np.round(w / scale) * scale).astype(np.float32)
    return made


def divergence(w: np.ndarray) -> float:
    """Kullback-Leibler divergence of the machine from the fourteen pictures, exact, in nats; the paper's G."""
    number = whole().astype(int) @ (1 << np.arange(VISIBLE)[::-1])
    return float(-np.log(distribution(w)[number] * len(number)).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Four thousand calls of the network's own `learn`.

    Args:
        out: folder for the state and its JSON figures.
        seed: of the dice.
        quick: a tenth of them.

    Raises:
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("training boltzmann")
    import torch

    from picozoo.train import chance, loop

    began = time.perf_counter()
    with loop.repeatable(seed), torch.no_grad():
        model = build()
        model.get_buffer("dice").copy_(chance.new_state(seed + 1))
        pages, total = torch.from_numpy(whole()), LESSONS // 10 if quick else LESSONS
        for k in range(total):
            model.learn(pages)  # type: ignore[operator]
            if progress and k % 100 == 99:
                progress((k + 1) / total, f"{k + 1} of {total} lessons")
        model.get_buffer("dice").copy_(build().get_buffer("dice"))
        x, y = inputs("test")
        made = np.stack([model.forward(torch.from_numpy(row)).numpy() for row in x])
        model.get_buffer("dice").copy_(build().get_buffer("dice"))  # the artefact starts where the seed does
    w = model.get_buffer("w").numpy()
    metrics = {"completed": metric(made, y), "divergence": divergence(w), "divergence_int8": divergence(in_int8(w))}
    metrics = {k: round(v, 4) for k, v in metrics.items()}
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def lessons(size: str = "default") -> tuple[str, list[tuple[np.ndarray]], dict[str, np.ndarray]]:
    """What to teach on the board: the first four hundred lessons of the recipe, for a machine that knows nothing."""
    CARD.check_size(size)
    return "learn", [(whole(),)] * TAUGHT, nothing()


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Damaged pictures it completes, what it dreams, what it has learnt, and how it learns on the board."""
    x, _ = inputs("test", 12, size)
    made = [board.call_real("forward", v)[0] for v in x]
    dreamt = np.concatenate([board.call_real("dream")[0] for _ in range(5)])
    kinds, count = np.unique(dreamt, axis=0, return_counts=True)
    allowed = {row.tobytes() for row in whole()}
    order = np.argsort(-count)[:18]
    right = sum(int(n) for v, n in zip(kinds, count, strict=True) if v.astype(np.float32).tobytes() in allowed)
    w = board.get_state("w").astype(np.float64)
    return [
        pictures.Images("What the board is given: four dots of nine are unknown (grey)", tuple(map(_drawn, x))),
        pictures.Images("What it makes of them while it cools", tuple(map(_drawn, made))),
        pictures.Images(
            f"What it dreams, running free: {right} of {len(dreamt)} pictures are bars or stripes",
            tuple(_drawn(kinds[k]) for k in order),
            tuple(f"{count[k]}" for k in order),
        ),
        pictures.Images(
            "The ties of each hidden unit to the nine dots: orange ones wake each other, blue ones silence each other",
            tuple(_drawn(row) for row in w[VISIBLE:, :VISIBLE]),
            tuple(f"unit {k + 1}" for k in range(HIDDEN)),
            signed=True,
        ),
        _show_learning(board),
    ]


def _drawn(v: np.ndarray) -> np.ndarray:
    """Nine numbers as a picture large enough to see; an unknown dot is grey."""
    dots = np.where(v == UNKNOWN, 0.5, v).reshape(SIDE, SIDE)
    made: np.ndarray = np.kron(dots, np.ones((3, 3)))
    return made


def _show_learning(board: pictures.Board) -> pictures.Curves:
    function, calls, start = lessons()
    for state, values in start.items():
        board.set_state(state, values)
    moments = [0, 5, 10, 20, 40, 70, 100, 150, 200, 300]
    reached = []
    for before, now in zip([0, *moments[:-1]], moments, strict=True):
        for call in calls[before:now]:
            board.call_real(function, *call)
        reached.append(divergence(board.get_state("w")))
    return pictures.Curves(
        f"It learns on the board from nothing: divergence from the fourteen pictures, {reached[0]:.2f} nats at first, "
        f"{reached[-1]:.2f} after {moments[-1]} lessons; the host adds up all states to know it",
        np.array(moments, np.float64),
        {"divergence": np.array(reached)},
        "lessons on the board",
        "nats",
    )
