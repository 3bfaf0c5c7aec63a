"""Markov chain (1906; letters 1913): what comes next depends only on what is here now. It counts, and it writes.

x -> a row of the table of transitions -> one of its entries, drawn with the chance that it was counted with.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import data, pictures
from picozoo.data import first_names, nottingham
from picozoo.errors import UsageError
from picozoo.ops import _chance
from picozoo.zoo import _chain, _tune
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="markov",
    title="Markov chain",
    family="probabilistic",
    year=1906,
    authors="A. A. Markov; C. E. Shannon",
    paper="Extension of the law of large numbers to quantities that depend on each other, 1906; An example of "
    "statistical investigation of the text Eugene Onegin, 1913; C. E. Shannon, A mathematical theory of "
    "communication, 1948",
    task="Writes first names letter by letter, or jigs note by note, from counts of what followed what.",
    introduced="Chance with a memory of one step: averages still settle down, although the draws depend on each other.",
    why_it_mattered=(
        "Markov counted vowels in Pushkin; Shannon wrote English with it and measured information by it. Sampling, "
        "queues, page rank and speech recognition rest on it, and language models are its grandchildren."
    ),
    differs_from_paper=(
        "States are all letters, not vowels and consonants; a name begins and ends in a state of its own.",
        "Every transition counts as seen once before (Laplace), so that nothing is impossible.",
        "order2: two letters are the state; rare pairs lean on their last letter (Witten and Bell, 1991).",
        "tune: a state is a note and its place in the bar of six eighths; notes off the eighths are left out.",
    ),
    data=("first_names",),
    data_licence="names MIT (makemore, from public US records); Nottingham tunes GPL-3.0",
    metric="among how many equally likely letters or notes it is as much in doubt about what comes next",
    metric_name="perplexity",
    metric_unit="",
    metric_better="lower",
    target=12.5,
    board={"default": "uno", "order2": "uno", "tune": "uno"},
    boards=("pico", "nano33ble", "esp32c3", "browser"),
    functions=("forward", "write", "learn"),
    main="forward",
    sizes=("default", "order2", "tune"),
    precision="native",
    train_minutes=0.3,
    learns=True,
    cells="ring probabilistic 8",
    quick={"chance": 0.08},
    results={
        "perplexity": 11.72,
        "perplexity_unigram": 16.74,
        "perplexity_uniform": 27,
        "perplexity_order2": 9.340,
        "perplexity_order2_float": 9.340,
        "perplexity_tune": 9.295,
        "perplexity_tune_float": 9.292,
        "perplexity_tune_unigram": 81.34,
    },
    references=(
        "https://doi.org/10.1017/S0269889706001074",
        "https://doi.org/10.1002/j.1538-7305.1948.tb01338.x",
        "https://doi.org/10.1109/18.87000",
    ),
    variants={
        "order2": {"functions": ("forward", "write"), "learns": False, "target": 10.0},
        "tune": {"functions": ("forward", "write"), "learns": False, "target": 10.0, "data": ("nottingham",)},
    },
)
LETTERS = 27
STEPS = 16  # transitions in one call
PITCHES = (55, 57, 59, 60, 62, 64, 65, 66, 67, 69, 71, 72, 74, 76, 77, 78, 79, 81, 83, 84)  # the commonest in jigs
BAR = 6  # eighth notes
NOTES = 1 + BAR * len(PITCHES)
STATES = {"default": LETTERS, "order2": LETTERS, "tune": NOTES}
MEMORY = {"default": 1, "order2": 2, "tune": 1}  # numbers that make a state
LESSONS = 3000  # names that are enough to come within a twentieth of the trained perplexity


def build(size: str = "default") -> nn.Module:
    """The chain, empty: everything is equally likely.

    `forward(x)`: x int32 (17,), or (18,) for order2: states one after the other, 0 before, between and behind names or
    tunes -> how surprising it is, float32 (1,), bits. Steps from 0 to 0 are not counted.
    `write(x)`: x int32 (1,) or (2,), the last states -> one that may follow, int32 (1,), drawn by chance.
    `learn(x)`: the default size counts the transitions of x -> how many, int32 (1,). A count must stay below 32,767.

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building markov")
    return _counts() if size == "default" else _table(size)


def _counts() -> nn.Module:
    """Order 1 in RAM: how often each letter followed each."""
    import torch
    from torch import nn

    from picozoo.train import chance

    class Counts(nn.Module):
        counts: torch.Tensor
        totals: torch.Tensor
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            counts, totals = nothing()
            self.register_buffer("counts", torch.from_numpy(counts))
            self.register_buffer("totals", torch.from_numpy(totals))
            self.register_buffer("dice", chance.new_state(1906))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            cell = x[:-1] * LETTERS + x[1:]
            seen = torch.index_select(self.counts, 0, cell) + 1
            p = seen.float() / (torch.index_select(self.totals, 0, x[:-1]) + LETTERS).float()
            logs = torch.log(torch.where(cell > 0, p, torch.ones_like(p)))
            bits: torch.Tensor = logs.sum(dim=0, keepdim=True) * -float(np.log2(np.e))
            return bits

        def write(self, x: torch.Tensor) -> torch.Tensor:
            row = torch.index_select(self.counts.reshape(LETTERS, LETTERS), 0, _known(x, LETTERS))  # -> (1, 27)
            drawn: torch.Tensor = chance.categorical(self.dice, row.to(torch.int32) + 1)
            return drawn

        def learn(self, x: torch.Tensor) -> torch.Tensor:
            before = x[:-1]
            cell = before * LETTERS + x[1:]
            one = (cell > 0).to(torch.int16)
            self.counts.index_add_(0, cell, one)
            self.totals.index_add_(0, before, one.to(torch.int32))
            return one.sum(dim=0, keepdim=True, dtype=torch.int32)

    return Counts()


def _table(size: str) -> nn.Module:
    """Chances in flash, one byte each."""
    import torch
    from torch import nn

    from picozoo.train import chance

    states, memory = STATES[size], MEMORY[size]
    rows = states**memory

    class Table(nn.Module):
        codes: torch.Tensor
        norms: torch.Tensor
        weights: torch.Tensor
        dice: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("codes", torch.zeros(rows * states, dtype=torch.int8))
            self.register_buffer("norms", torch.full((rows,), round(np.log2(states) * _chain.FINE), dtype=torch.int16))
            self.register_buffer("weights", torch.from_numpy(_chain.weights()))
            self.register_buffer("dice", chance.new_state(1906))

        def _row(self, x: torch.Tensor) -> torch.Tensor:
            return x[:-1] * states + x[1:] if memory == 2 else x

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            row, after = self._row(x[:-1]), x[memory:]
            code = torch.index_select(self.codes, 0, row * states + after).to(torch.int32)
            bits = code * (_chain.FINE // _chain.PER_OCTAVE) + torch.index_select(self.norms, 0, row)
            counted = x[memory - 1 : -1] + after > 0
            total = torch.where(counted, bits, torch.zeros_like(bits)).sum(dim=0, keepdim=True, dtype=torch.int32)
            told: torch.Tensor = total.float() * (1 / _chain.FINE)
            return told

        def write(self, x: torch.Tensor) -> torch.Tensor:
            row = torch.index_select(self.codes.reshape(-1, states), 0, self._row(_known(x, states))).reshape(states)
            weight = torch.index_select(self.weights, 0, row.to(torch.int32))
            drawn: torch.Tensor = chance.categorical(self.dice, weight.reshape(1, states))
            return drawn

    return Table()


def _known(x: torch.Tensor, states: int) -> torch.Tensor:
    """A number that is no state is taken for the nearest."""
    return x.clamp(0, states - 1)


def nothing() -> tuple[np.ndarray, np.ndarray]:
    """Counts int16 (729,) and totals int32 (27,) before the first name; an empty name is impossible, so it has -1."""
    counts, totals = np.zeros(LETTERS * LETTERS, np.int16), np.zeros(LETTERS, np.int32)
    counts[0] = totals[0] = -1
    return counts, totals


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x, last = (torch.zeros(n, dtype=torch.int32) for n in (STEPS + MEMORY[size], MEMORY[size]))
    given = {"forward": (x,), "write": (last,), "learn": (x,)}
    return {f: given[f] for f in CARD.at(size).functions}


def source(size: str = "default") -> str:
    """The data set of this size."""
    CARD.check_size(size)
    return CARD.at(size).data[0]


def sequences(split: str, size: str = "default") -> list[np.ndarray]:
    """Names or jigs as states, int32, each between zeros (two of them in front for order2)."""
    part = data.load(source(size), split)
    front = [0] * MEMORY[size]
    if size == "tune":
        jigs = part.x[part.y == nottingham.METRES.index("6/8")]
        return [np.array([*front, *notes(row), 0], np.int32) for row in jigs]
    return [np.array([*front, *row[row > 0], 0], np.int32) for row in part.x]


def notes(row: np.ndarray) -> np.ndarray:
    """States 1 to 120 of a tune of `nottingham`: 20 pitches at each of six places. A rare pitch is its nearest one."""
    on_eighth = (row[:, 0] > nottingham.PAUSE) & (row[:, 2] % nottingham.TICKS == 0)
    pitch, place = row[on_eighth, 0], row[on_eighth, 2] // nottingham.TICKS
    nearest = np.abs(pitch[:, None].astype(int) - np.array(PITCHES)).argmin(1)
    made: np.ndarray = 1 + place * len(PITCHES) + nearest
    return made


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """A name in each call, or sixteen steps of a tune.

    Returns:
        x int32 (n, 17), or (n, 18) for order2, filled up with zeros; y int64 (n,): steps that count.
    """
    lead, rows = MEMORY[size], []
    for seen in sequences(split, size):
        rows += [seen[at : at + STEPS + lead] for at in range(0, len(seen) - lead, STEPS)]
    rows = rows[:limit]
    x = np.zeros((len(rows), STEPS + lead), np.int32)
    for k, row in enumerate(rows):
        x[k, : len(row)] = row
    return x, np.array([len(row) - lead for row in rows], np.int64)


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Perplexity: 2 to the power of the mean bits of a step; outputs (n,) or (n, 1) bits, y (n,) steps."""
    return float(2 ** (np.asarray(outputs, np.float64).sum() / np.asarray(y).sum()))


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Count: the default size by its own `learn`, the larger tables at once; what rare states lean on is chosen on a
    tenth held back from the training part.

    Args:
        out: folder for the state and its JSON figures.
        quick: the names of `lessons` only.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training markov")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        if size == "default":
            x = inputs("train")[0][: LESSONS if quick else None]
            for k, row in enumerate(x):
                model.learn(torch.from_numpy(row))  # type: ignore[operator]
                if progress and k % 1000 == 999:
                    progress((k + 1) / len(x), f"{k + 1} of {len(x)} names")
            exact = chances(model.get_buffer("counts").numpy())
        else:
            exact = smoothed(size)
            codes = _chain.coded(exact)
            model.get_buffer("codes").copy_(torch.from_numpy(codes.reshape(-1)))
            model.get_buffer("norms").copy_(torch.from_numpy(_chain.norms(codes)))
        tx, ty = inputs("test", size=size)
        bits = np.array([model.forward(torch.from_numpy(row)).item() for row in tx])
    figures = {"chance": 1 / metric(bits, ty), "perplexity": metric(bits, ty)}
    metrics = figures | {"perplexity_float": perplexity(exact, "test", size)} | baselines(size)
    return loop.save(out, CARD.name, size, seed, model.state_dict(), _rounded(metrics), began)


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {k: round(v, 4) for k, v in metrics.items()}


def chances(counts: np.ndarray) -> np.ndarray:
    """Chances of the default size, float64 (27, 27), each row adding up to one, from its counts."""
    p = counts.reshape(LETTERS, LETTERS).astype(np.float64) + 1
    made: np.ndarray = p / p.sum(1, keepdims=True)
    return made


def steps(seen: list[np.ndarray], size: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the table and what came next, over all sequences; both int64 (n,)."""
    lead, states = MEMORY[size], STATES[size]
    rows, after = [], []
    for s in seen:
        wide = s.astype(np.int64)
        rows.append(wide[:-2] * states + wide[1:-1] if lead == 2 else wide[:-1])
        after.append(wide[lead:])
    return np.concatenate(rows), np.concatenate(after)


def perplexity(p: np.ndarray, split: str, size: str = "default") -> float:
    """Of a table of chances (rows, states) on one part of the data."""
    row, after = steps(sequences(split, size), size)
    return float(np.exp(-np.log(p[row, after]).mean()))


def baselines(size: str = "default") -> dict[str, float]:
    """Perplexities on the test part of guessing blindly, and of knowing only how common each state is."""
    states = STATES[size]
    _, seen = steps(sequences("train", size), size)
    share = (np.bincount(seen, minlength=states) + 1) / (len(seen) + states)
    _, after = steps(sequences("test", size), size)
    return {"perplexity_unigram": float(np.exp(-np.log(share[after]).mean())), "perplexity_uniform": float(states)}


def smoothed(size: str) -> np.ndarray:
    """Chances (rows, states) of the larger tables, from the training part.

    A state that was seen seldom leans on what it has in common with others (its last letter; the place in the bar), and
    that on the commonness of each state; how much is chosen on a tenth that is held back.
    """
    seen, states = sequences("train", size), STATES[size]
    cut = len(seen) * 9 // 10
    every = np.arange(states ** MEMORY[size])
    group = every % states if size == "order2" else np.where(every == 0, 0, 1 + (every - 1) // len(PITCHES))
    return _chain.leaning(steps(seen[:cut], size), steps(seen[cut:], size), group, states)


def lessons(size: str = "default") -> tuple[str, list[tuple[np.ndarray]], dict[str, np.ndarray]]:
    """What to teach on the board: three thousand training names, to a chain that has counted nothing."""
    if size != "default":
        raise UsageError("network 'markov': only the default size learns on the board")
    counts, totals = nothing()
    return "learn", [(x,) for x in inputs("train", LESSONS)[0]], {"counts": counts, "totals": totals}


def written(board: pictures.Board, size: str = "default", most: int = 300) -> list[int]:
    """What the board writes until it comes to an end: states, without the zeros."""
    made = [0] * MEMORY[size]
    while len(made) < most:
        after = int(board.call_real("write", np.array(made[-MEMORY[size] :], np.int32))[0].reshape(()))
        if not after:
            break
        made.append(after)
    return made[MEMORY[size] :]


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """Names or a tune that it writes, the table behind them, and how common each state is in the long run."""
    if size == "tune":
        return _show_tune(board)
    board.set_state("dice", _chance.new_state(3))
    names = ["".join(first_names.ALPHABET[c] for c in written(board, size)) for _ in range(30)]
    known = {first_names.word(row) for row in data.load("first_names", "train").x}
    new = [n for n in names if n not in known]
    lines = "\n".join("  ".join(names[k : k + 6]) for k in range(0, len(names), 6))
    told = f"Thirty names that the board wrote; {len(new)} of them are in no list it has read"
    found: list[pictures.Shown] = [pictures.Words(told, lines)]
    if size == "order2":
        return [*found, *_show_pairs()]
    return [*found, *_show_learning(board), *_show_table(chances(board.get_state("counts")))]


def _show_table(p: np.ndarray) -> list[pictures.Shown]:
    share = _chain.stationary(p)
    letters = tuple("end" if c == "." else c for c in first_names.ALPHABET)
    order = np.argsort(-share)[:12]
    return [
        pictures.Images(
            "The table of transitions: a row is a letter, a column the next one (first the end, then a to z); "
            "likely ones have more ink",
            (np.sqrt(p),),
        ),
        pictures.Bars(
            "The stationary distribution: how common each letter is in the long run, wherever the chain began",
            tuple(letters[k] for k in order),
            np.round(share[order], 4),
            "share of all steps; the twelve commonest",
        ),
    ]


def _show_learning(board: pictures.Board) -> list[pictures.Shown]:
    """Perplexity on names it has not seen while the board counts; the host reads its counts."""
    function, calls, start = lessons()
    for state, values in start.items():
        board.set_state(state, values)
    moments = [0, *np.unique(np.geomspace(1, len(calls), 24).astype(int))]
    reached = []
    for before, now in zip([0, *moments[:-1]], moments, strict=True):
        for call in calls[before:now]:
            board.call_real(function, *call)
        reached.append(perplexity(chances(board.get_state("counts")), "test"))
    limits = baselines()
    common = np.full(len(moments), limits["perplexity_unigram"])
    return [
        pictures.Curves(
            f"It learns by counting: perplexity on names it has not seen, from {reached[0]:.1f} to {reached[-1]:.2f}",
            np.array(moments, np.float64),
            {"Markov chain": np.array(reached), "commonness of letters alone": common},
            "names counted on the board",
            "perplexity",
        )
    ]


def _show_pairs() -> list[pictures.Shown]:
    p = table("order2").reshape(LETTERS, LETTERS, LETTERS)
    rows = [first_names.ALPHABET.index(c) for c in "aeln"]
    return [
        pictures.Images(
            "Four of the 27 sheets of its table: the letter before last is given, a row is the last, a column the next",
            tuple(np.sqrt(p[k]) for k in rows),
            tuple(f"after {first_names.ALPHABET[k]}" for k in rows),
        )
    ]


def _show_tune(board: pictures.Board) -> list[pictures.Shown]:
    """The first tune of 8 to 24 bars that it writes."""
    board.set_state("dice", _chance.new_state(3))
    tune: list[_tune.Note] = []
    upbeat = 0
    for _ in range(20):
        tune, upbeat = melody(written(board, "tune"))
        if 8 * BAR <= sum(length for _, length in tune) <= 24 * BAR:
            break
    heard = _tune.sound(tune)
    share = _chain.stationary(table("tune"))[1:].reshape(BAR, -1)
    return [
        pictures.Words("A jig that the board wrote, as ABC", _tune.abc(tune, BAR, "Markov's jig", upbeat)),
        pictures.Sound("The same jig, plucked", heard, _tune.RATE),
        pictures.Images(
            "The table of transitions: 120 states are 20 pitches at each of the six places in the bar",
            (np.sqrt(table("tune")),),
        ),
        pictures.Images(
            "The stationary distribution: a row is a place in the bar, a column a pitch from low to high",
            (np.kron(share, np.ones((4, 4))),),
        ),
    ]


def table(size: str) -> np.ndarray:
    """The chances in the flash of a shipped table, float64 (rows, states)."""
    from picozoo.network import load

    name = CARD.name if size == "default" else f"{CARD.name}:{size}"
    states = STATES[size]
    rows = states ** MEMORY[size]
    codes = next(a for a in load(name).program.constants.values() if a.size == rows * states)
    p = _chain.weights()[codes.reshape(rows, states)].astype(np.float64)
    made: np.ndarray = p / p.sum(1, keepdims=True)
    return made


def melody(states: list[int]) -> tuple[list[_tune.Note], int]:
    """Notes of a sequence of states, and the eighths of its upbeat. A note lasts until the next one begins.

    Example:
        >>> melody([1 + 5 * 20 + 8, 1 + 0 * 20 + 11, 1 + 3 * 20 + 8])
        ([(67, 1), (72, 3), (67, 3)], 1)
    """
    place = [(s - 1) // len(PITCHES) for s in states]
    pitch = [PITCHES[(s - 1) % len(PITCHES)] for s in states]
    ends = [*place[1:], 0]
    lengths = [(b - a - 1) % BAR + 1 for a, b in zip(place, ends, strict=True)]
    return list(zip(pitch, lengths, strict=True)), -place[0] % BAR if place else 0
