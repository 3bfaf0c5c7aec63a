"""Hopfield network (1982): a memory that completes damaged pictures by rolling downhill in energy.

units +1/-1; learn: W += p p^T without the diagonal; recall: unit by unit, each takes the sign of what it hears,
until all units in turn had nothing to change.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.errors import UsageError
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="hopfield",
    title="Hopfield network",
    family="associative",
    year=1982,
    authors="J. J. Hopfield",
    paper="Neural networks and physical systems with emergent collective computational abilities, PNAS 79, 1982",
    task="Stores a few pictures in its weights and gives back the whole one from a damaged copy.",
    introduced="Memory as the low points of an energy: content-addressable, and proven to come to rest.",
    why_it_mattered=(
        "It joined neural networks to physics (Nobel Prize 2024), led to Boltzmann machines, and its modern form of "
        "2020 is the attention of transformers."
    ),
    differs_from_paper=(
        "Units are +1/-1 instead of 1/0, as nearly all later work has it.",
        "Units are updated in turn instead of at random times; energy still never rises, and it can stop by itself.",
        "Weights are int8, enough for 127 pictures; beyond that they would wrap around.",
    ),
    data=("mnist", "letters5x7"),
    data_licence="MNIST CC BY-SA 3.0 (as generally listed), eight pictures; letters MIT",
    metric="share of pictures with 10 to 20 % of the dots flipped that come back without a single wrong dot",
    metric_name="exact recall",
    target=0.95,
    board={"default": "nano33ble", "tiny": "uno"},
    boards=("pico", "nucleo_l4r5zi", "stm32u575", "pico2", "stm32f746", "esp32c3", "browser"),
    functions=("recall", "learn"),
    main="recall",
    sizes=("default", "tiny"),
    precision="native",
    train_minutes=1,
    learns=True,
    quick={"recall": 0.95},
    results={"recall": 1.0, "recall_tiny": 1.0, "curve_error": 0.0188, "capacity": 0.134, "capacity_error": 0.0285},
    cells="ring backfed 8",
    references=(
        "https://doi.org/10.1073/pnas.79.8.2554",
        "D. J. Amit, H. Gutfreund, H. Sompolinsky, Storing infinite numbers of patterns in a spin-glass model of "
        "neural networks, Phys. Rev. Lett. 55, 1985: the capacity, 0.138 N",
    ),
)
SIDE = 14
LETTERS = "AJPV"  # four of the letters that are least alike; 0.11 N
DAMAGE = (0.10, 0.20)
DAMAGE_SEEDS = {"train": 1982, "test": 1984}
# Pictures of +1 and -1 come to rest by themselves, since every flip lowers the energy; anything else might not.
MOST_SWEEPS = 50
COPIES = 25  # damaged copies of each picture in a split
# Eight digits of MNIST's training part at 14x14 (`digit_patterns` made them), one bit per dot, row by row.
DIGITS = {
    "0": (13816, "07007e03fc1c3060e181c603980f600d8017c04fc31ffc07e0"),
    "2": (317, "03f81c6001800e003800e00707f87bc18f06fe3fb8fcc00000"),
    "3": (10511, "0001ff87ff9ffe007807e0fc0ffc3f7c40f007f83efffbff00"),
    "4": (1448, "3801e007801c007019c07781df3f7ffcfff031c007001c0010"),
    "5": (7457, "0ffc7f81c007001f007f01ce071c0018006c01b00ee078ff00"),
    "6": (5553, "003c03f01e00f00f007c03c01e7c6ff9f0ef8f1ff07f800000"),
    "7": (426, "00000000003ffefffbffebff803e00e007801c00f003c00f00"),
    "8": (7851, "00003ce1f7c73f1cc4631180c6031cfc7fe3f01f807e007c00"),
}
# Capacity curve: units; weight matrices per load, probes in each; loads = stored patterns per unit.
CURVE_UNITS, CURVE_MATRICES, CURVE_PROBES = 2000, 4, 64
CURVE_LOADS = (0.02, 0.05, 0.08, 0.1, 0.12, 0.13, 0.135, 0.14, 0.145, 0.15, 0.16, 0.17)
THEORY_CAPACITY = 0.1379
THEORY_LAST_OVERLAP = 0.967  # overlap at that load; theory has no retrieval below it


def build(size: str = "default") -> nn.Module:
    """The network with nothing stored: 196 units ("default", 14x14) or 35 ("tiny", 5x7 for 2 KB of RAM).

    `recall(p)`: p int8 (N,), +1 or -1 -> the state it comes to rest in, int8 (N,).
    `learn(p)`: adds p to the weights W, int8 (N, N), symmetric -> pictures stored, int32 (1,). At most 127 pictures.

    Hopfield's weights have a zero diagonal. Here the diagonal holds the number of stored pictures, which `recall` takes
    out of what a unit hears: the same sums, without a mask as large as the weights.

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building hopfield")
    import torch
    from torch import nn

    n = SIDE * SIDE if size == "default" else 35

    class Hopfield(nn.Module):
        W: torch.Tensor
        stored: torch.Tensor
        off_diagonal: torch.Tensor
        unit: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.n = n
            self.register_buffer("W", torch.zeros(n, n, dtype=torch.int8))
            self.register_buffer("stored", torch.zeros(1, dtype=torch.int32))
            self.register_buffer("first", torch.zeros(1, dtype=torch.int32))  # a constant: the first unit

        def learn(self, p: torch.Tensor) -> torch.Tensor:
            self.W.addr_(p, p)  # Hebb: units that agree are tied together, those that differ pushed apart
            self.stored.add_(1)
            return self.stored.clone()

        def recall(self, p: torch.Tensor) -> torch.Tensor:
            zero = self.get_buffer("first")

            def restless(x: torch.Tensor, i: torch.Tensor, quiet: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
                return torch.logical_and(quiet < self.n, turns < MOST_SWEEPS * self.n).reshape(())

            def update(
                x: torch.Tensor, i: torch.Tensor, quiet: torch.Tensor, turns: torch.Tensor
            ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
                row = torch.index_select(self.W, 0, i).reshape(-1)  # (N,) int8
                says = torch.index_select(x, 0, i)  # (1,) int8
                # |W x| = |W| fits int8, so only the sum needs 32 bits; a unit does not listen to itself, and what it
                # would say to itself is its own sign once for every stored pattern
                self_talk = self.stored * says
                heard = (row * x).sum(dim=0, keepdim=True, dtype=torch.int32) - self_talk  # (1,)
                flip = heard * says < 0  # a tie leaves the unit as it is
                turned = torch.index_copy(x, 0, i.long(), torch.where(flip, -says, says))
                quiet = torch.where(flip, zero, quiet + 1)
                following = i + 1
                return turned, torch.where(following >= self.n, zero, following), quiet, turns + 1

            start = (p, zero.clone(), zero.clone(), zero.clone())
            at_rest: torch.Tensor = torch.while_loop(restless, update, start)[0]  # type: ignore[no-untyped-call]
            return at_rest

    return Hopfield()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    p = torch.ones(len(patterns(size)[0]), dtype=torch.int8)
    return {"recall": (p,), "learn": (p,)}


def patterns(size: str = "default") -> np.ndarray:
    """The pictures that the shipped network stores, int8 (count, N), +1 ink and -1 paper.

    Eight digits of 14x14 for "default", four letters of 5x7 for "tiny".
    """
    CARD.check_size(size)
    if size == "tiny":
        letters = data.load("letters5x7", "train").x
        dots = letters[[ord(letter) - ord("A") for letter in LETTERS]].reshape(len(LETTERS), -1)
    else:
        packed = np.array([list(bytes.fromhex(code)) for _, code in DIGITS.values()], np.uint8)
        dots = np.unpackbits(packed, axis=1, count=SIDE * SIDE)
    return dots.astype(np.int8) * np.int8(2) - np.int8(1)


def source(size: str = "default") -> str:
    """The data set that the stored pictures come from."""
    CARD.check_size(size)
    return "letters5x7" if size == "tiny" else "mnist"


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Damaged pictures and the whole ones: 10 to 20 % of the dots flipped, seeded; the splits differ in the damage.

    Args:
        split: "test" or "train".
        limit: at most so many; all pictures come in turn.

    Returns:
        x int8 (n, N), +1 or -1; y int8 (n, N).
    """
    if split not in DAMAGE_SEEDS:
        raise UsageError(f"network 'hopfield': the split must be one of train, test, got {split!r}")
    whole = patterns(size)
    n = whole.shape[1]
    chance = np.random.default_rng(DAMAGE_SEEDS[split])
    y = np.tile(whole, (COPIES, 1))
    x = y.copy()
    for row in x:
        flips = chance.integers(math.ceil(DAMAGE[0] * n), math.floor(DAMAGE[1] * n) + 1)
        row[chance.choice(n, flips, replace=False)] *= -1
    return x[:limit], y[:limit]


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of outputs equal to y in every dot; both (n, N)."""
    return float((np.asarray(outputs).reshape(y.shape) == y).all(axis=1).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Store the pictures with `learn`, then measure recall, and the capacity curve against theory.

    Args:
        out: folder for `hopfield.safetensors` (or `hopfield_tiny.safetensors`) and its JSON figures.
        seed: of the capacity curve only; the weights hold nothing random.
        quick: leave the capacity curve out.

    Raises:
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("training hopfield")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        for pattern in patterns(size):
            model.learn(torch.from_numpy(pattern))  # type: ignore[operator]
    x, y = inputs("test", size=size)
    weights = model.get_buffer("W").numpy().astype(np.float32)
    np.fill_diagonal(weights, 0)
    metrics = {"recall": metric(settle(weights, x.T).T, y)}
    if not quick:
        metrics |= capacity(seed=seed, progress=progress)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def settle(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What `recall` does, in NumPy, for many states at once.

    Args:
        weights: float32 (N, N), symmetric, zero diagonal, whole numbers small enough that sums are exact (< 2^24).
        x: (N, B), +1 or -1.

    Returns:
        The states at rest, int8 (N, B); new.
    """
    state = np.array(x, np.float32)
    changed = True
    while changed:  # ends: every flip lowers the energy, and there are finitely many states
        changed = False
        for i in range(len(weights)):
            flip = (weights[i] @ state) * state[i] < 0
            if flip.any():
                state[i, flip] *= -1
                changed = True
    return state.astype(np.int8)


def theory_overlap(load: float) -> float:
    """Overlap of the state at rest with the stored pattern, for infinitely many units and no noise.

    Args:
        load: stored random patterns per unit, > 0.

    Returns:
        m from 0.967 to 1, or 0 beyond the capacity of 0.138.

    Source: Amit, Gutfreund, Sompolinsky 1985, replica-symmetric equations at zero temperature, reduced to one
    unknown y: erf(y) = y (sqrt(2 load) + 2 exp(-y^2) / sqrt(pi)), m = erf(y), largest solution.

    Example:
        >>> round(theory_overlap(0.1), 3), theory_overlap(0.15)
        (0.998, 0.0)
    """

    def above(y: float) -> float:
        return math.erf(y) - y * (math.sqrt(2 * load) + 2 / math.sqrt(math.pi) * math.exp(-y * y))

    high = 12.0
    while high > 0.5 and above(high) < 0:  # walk down to the largest y with a sign change
        high -= 0.002
    return math.erf(high) if high > 0.5 else 0.0


def capacity(
    seed: int = 0,
    units: int = CURVE_UNITS,
    loads: tuple[float, ...] = CURVE_LOADS,
    matrices: int = CURVE_MATRICES,
    probes: int = CURVE_PROBES,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Measure how much can be stored, with random patterns, and compare with theory.

    For each load: store load x units random patterns, start at stored ones, let the network come to rest with the same
    update rule as `recall`, take the mean overlap m with where it started.

    Args:
        seed: of the patterns.
        units: N; theory is for infinite N, and with fewer units the edge is blurred.
        loads: stored patterns per unit, ascending.
        matrices, probes: how many weight matrices per load, and starts in each.

    Returns:
        "overlap_at_LOAD" for each load;
        "curve_error": largest |m - theory| / theory over the loads up to 0.135;
        "capacity": the load where m falls below 0.967, the lowest overlap that theory knows (at 0.138);
        "capacity_error": its relative distance from 0.138;
        "half_kept": the load where half of the patterns are still kept (m > 0.7), which at finite N lies above 0.138.

    Source: Amit, Gutfreund, Sompolinsky 1985 (also for finite sizes).
    """
    chance = np.random.default_rng(seed)
    overlap, kept = [], []
    for step, load in enumerate(loads):
        found = np.concatenate([_overlaps(chance, units, round(load * units), probes) for _ in range(matrices)])
        overlap.append(float(found.mean()))
        kept.append(float((found > 0.7).mean()))
        if progress:
            words = f"load {load}: overlap {overlap[-1]:.4f}, theory {theory_overlap(load):.4f}"
            progress((step + 1) / len(loads), words)
    errors = [abs(m / theory_overlap(load) - 1) for load, m in zip(loads, overlap, strict=True) if load <= 0.135]
    edge = _crossing(loads, overlap, THEORY_LAST_OVERLAP)
    return {
        **{f"overlap_at_{load}": round(m, 4) for load, m in zip(loads, overlap, strict=True)},
        "curve_error": round(max(errors), 4),
        "capacity": round(edge, 4),
        "capacity_error": round(abs(edge / THEORY_CAPACITY - 1), 4),
        "half_kept": round(_crossing(loads, kept, 0.5), 4),
    }


def _overlaps(chance: np.random.Generator, units: int, count: int, probes: int) -> np.ndarray:
    """Overlaps after rest of `probes` of `count` random stored patterns, float64 (min(probes, count),)."""
    stored = chance.choice(np.array([-1, 1], np.float32), (count, units))
    weights = stored.T @ stored
    np.fill_diagonal(weights, 0)
    starts = stored[:probes]
    found: np.ndarray = (settle(weights, starts.T).T * starts).mean(axis=1, dtype=np.float64)
    return found


def _crossing(at: tuple[float, ...], value: list[float], level: float) -> float:
    """Where a falling curve goes through `level`, linear in between; the last point if it never does."""
    for k in range(1, len(at)):
        if value[k] < level <= value[k - 1]:
            return at[k - 1] + (at[k] - at[k - 1]) * (value[k - 1] - level) / (value[k - 1] - value[k])
    return at[-1]


def digit_patterns(count: int = 8, tries: int = 60) -> dict[str, tuple[int, str]]:
    """How `DIGITS` was made: digits of different classes, as unlike each other as can be found greedily.

    From the first 20,000 training pictures of MNIST: the middle 20x20 sampled to 14x14, ink above a quarter, only
    pictures with 38 to 60 % ink, since a network of +1/-1 stores balanced pictures best.

    Returns:
        class -> (index in the training part, dots as hexadecimal), ascending.
    """
    part = data.load("mnist", "train")
    sample = ((np.arange(SIDE) + 0.5) * 20 / SIDE).astype(int) + 4
    dots = (part.x[:20000][:, sample][:, :, sample] >= 64).reshape(-1, SIDE * SIDE)
    usable = np.flatnonzero((dots.mean(1) > 0.38) & (dots.mean(1) < 0.60))
    signs, labels = dots[usable].astype(np.int64) * 2 - 1, part.y[usable]
    chance = np.random.default_rng(0)
    best: tuple[int, list[int]] | None = None
    for _ in range(tries):
        chosen = [int(chance.integers(len(usable)))]
        while len(chosen) < count:
            likeness = ((signs @ signs[chosen].T) ** 2).sum(1)
            likeness[np.isin(labels, labels[chosen])] = np.iinfo(np.int64).max
            chosen.append(int(likeness.argmin()))
        total = int((np.triu(signs[chosen] @ signs[chosen].T, 1) ** 2).sum())
        if best is None or total < best[0]:
            best = (total, chosen)
    assert best is not None
    picked = sorted(best[1], key=lambda i: int(labels[i]))
    return {str(labels[i]): (int(usable[i]), np.packbits(dots[usable[i]]).tobytes().hex()) for i in picked}


def lessons(size: str = "default") -> tuple[str, list[tuple[np.ndarray]], tuple[str, ...]]:
    """What to teach on the board: the function, its calls, and the states that start at zero."""
    return "learn", [(p,) for p in patterns(size)], ("W", "stored")


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Damaged pictures recalled, one of them step by step, with the energy that never rises."""
    stored = patterns(size)
    shape = (SIDE, SIDE) if size == "default" else (7, 5)
    x, y = inputs("test", len(stored), size)
    back = [board.call_real("recall", p)[0].reshape(-1) for p in x]
    weights = board.get_state("W").astype(np.float32)
    np.fill_diagonal(weights, 0)
    hard = int((x != y).sum(1).argmax())
    path = steps(weights, x[hard])
    assert np.array_equal(path[-1], back[hard]), "the board's rest is not that of the same rule in NumPy"
    energy = np.array([-0.5 * s @ weights @ s for s in path.astype(np.float32)])
    pick = np.unique(np.linspace(0, len(path) - 1, 6).astype(int))

    def tiles(rows: np.ndarray | list[np.ndarray]) -> tuple[np.ndarray, ...]:
        return tuple(np.asarray(r).reshape(shape) for r in rows)

    counts = [int((b != t).sum()) for b, t in zip(back, y, strict=True)]
    return [
        pictures.Images(f"The {len(stored)} pictures in its weights", tiles(stored)),
        pictures.Images(
            "Damaged pictures, as it is shown them", tiles(x),
            tuple(f"{(a != b).sum()} dots wrong" for a, b in zip(x, y, strict=True)),
        ),
        pictures.Images(
            "What the board recalls from them", tiles(back), tuple(f"{n} dots wrong" if n else "whole" for n in counts)
        ),
        pictures.Images(
            "One of them dot by dot (the same rule in NumPy; it comes to rest where the board did)", tiles(path[pick]),
            tuple(f"after {k} flips" for k in pick),
        ),
        pictures.Curves(
            "Every flip lowers the energy, so it must come to rest", np.arange(len(path)), {"energy": energy}, "flips",
            "energy",
        ),
    ]  # fmt: skip


def steps(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The states that `recall` goes through, from `x` to rest, one row a flip: int8 (flips + 1, N)."""
    state, path, quiet, i = np.array(x, np.float32), [np.array(x, np.int8)], 0, 0
    while quiet < len(state):
        if float(weights[i] @ state) * state[i] < 0:
            state[i] *= -1
            path.append(state.astype(np.int8))
            quiet = 0
        else:
            quiet += 1
        i = (i + 1) % len(state)
    return np.stack(path)
