"""McCulloch-Pitts neurons (1943): units that fire or do not, all together at every tick of a clock.

    a unit fires if no inhibiting fibre is active and at least as many exciting ones are as its threshold says

One unit is a gate; a few make XOR; twenty make an adder of two four-bit numbers.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.errors import UsageError
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="mcculloch_pitts",
    title="McCulloch-Pitts neuron",
    family="dense",
    year=1943,
    authors="W. S. McCulloch, W. Pitts",
    paper="A logical calculus of the ideas immanent in nervous activity, Bulletin of Mathematical Biophysics 5, 1943",
    task="Computes with threshold units: eleven logic gates of one unit each, five of several, and a four-bit adder.",
    introduced="The neuron as a threshold, and the proof that nets of them compute every expression of logic.",
    why_it_mattered=(
        "The first neural network on paper. Von Neumann drew the logic of the stored-program computer in its notation, "
        "and every unit since is a version of it."
    ),
    differs_from_paper=(
        "Inhibition, which in the paper always wins, is a weight of -100, more than all exciting fibres together.",
        "The nets are drawn up by the authors of this program; the paper gives the method, not an adder.",
    ),
    data=(),
    data_licence="none: every input there is",
    metric="share of all 512 sums a + b + carry whose five bits are all right",
    metric_name="sums right",
    target=1.0,
    board={"default": "uno"},
    boards=("pico", "nano33ble", "esp32c3", "browser"),
    functions=("forward", "gates", "tick"),
    main="forward",
    precision="native",
    train_minutes=0.1,
    quick={"gates_right": 1.0},
    results={"sums_right": 1.0, "gates_right": 1.0},
    cells="input 3 > hidden 3 > output 2",
    references=("https://doi.org/10.1007/BF02478259",),
)
BITS = 4
NEVER = 100  # a threshold that no sum reaches, and the weight of an inhibiting fibre
# A unit: its threshold, the fibres that excite it, those that inhibit it (inputs or units by name).
Unit = tuple[int, tuple[str, ...], tuple[str, ...]]
# All sixteen gates of two inputs, named by what they say for (a, b) = 00, 01, 10, 11.
GATES: dict[str, tuple[str, dict[str, Unit]]] = {
    "0000": ("never", {"out": (NEVER, (), ())}),
    "0001": ("a and b", {"out": (2, ("a", "b"), ())}),
    "0010": ("a, not b", {"out": (1, ("a",), ("b",))}),
    "0011": ("a", {"out": (1, ("a",), ())}),
    "0100": ("b, not a", {"out": (1, ("b",), ("a",))}),
    "0101": ("b", {"out": (1, ("b",), ())}),
    "0110": ("a or b, not both", {"u": (1, ("a",), ("b",)), "v": (1, ("b",), ("a",)), "out": (1, ("u", "v"), ())}),
    "0111": ("a or b", {"out": (1, ("a", "b"), ())}),
    "1000": ("neither", {"out": (0, (), ("a", "b"))}),
    "1001": ("both or neither", {"u": (2, ("a", "b"), ()), "v": (0, (), ("a", "b")), "out": (1, ("u", "v"), ())}),
    "1010": ("not b", {"out": (0, (), ("b",))}),
    "1011": ("a or not b", {"u": (1, ("b",), ("a",)), "out": (0, (), ("u",))}),
    "1100": ("not a", {"out": (0, (), ("a",))}),
    "1101": ("b or not a", {"u": (1, ("a",), ("b",)), "out": (0, (), ("u",))}),
    "1110": ("not both", {"u": (2, ("a", "b"), ()), "out": (0, (), ("u",))}),
    "1111": ("always", {"out": (0, (), ())}),
}


def adder() -> tuple[tuple[str, ...], dict[str, Unit]]:
    """A ripple-carry adder: input names (a3..a0, b3..b0, c0) and its units, five a bit.

    Three units count the ones of a, b and the carry; two of three is the next carry; one or three is the sum's bit.
    """
    names = (*(f"a{k}" for k in reversed(range(BITS))), *(f"b{k}" for k in reversed(range(BITS))), "c0")
    units: dict[str, Unit] = {}
    for k in range(BITS):
        ones = (f"a{k}", f"b{k}", f"c{k}")
        units[f"some{k}"] = (1, ones, ())
        units[f"c{k + 1}"] = (2, ones, ())
        units[f"all{k}"] = (3, ones, ())
        units[f"one{k}"] = (1, (f"some{k}",), (f"c{k + 1}",))
        units[f"s{k}"] = (1, (f"one{k}", f"all{k}"), ())
    return names, units


def all_gates() -> tuple[tuple[str, ...], dict[str, Unit], tuple[str, ...]]:
    """The sixteen gates as one net: input names, units, and which of them are the answers."""
    units: dict[str, Unit] = {}
    for code, (_, parts) in GATES.items():
        for name, (threshold, up, down) in parts.items():
            rename = [tuple(n if n in "ab" else f"{code}.{n}" for n in side) for side in (up, down)]
            units[f"{code}.{name}"] = (threshold, rename[0], rename[1])
    return ("a", "b"), units, tuple(f"{code}.out" for code in GATES)


def net(names: tuple[str, ...], units: dict[str, Unit]) -> tuple[np.ndarray, np.ndarray]:
    """Fibres and thresholds: int8 (units, inputs + units), 1 excites and -100 inhibits; int32 (units,)."""
    every = [*names, *units]
    fibres = np.zeros((len(units), len(every)), np.int8)
    for row, (_, up, down) in zip(fibres, units.values(), strict=True):
        row[[every.index(n) for n in up]] = 1
        row[[every.index(n) for n in down]] = -NEVER
    return fibres, np.array([threshold for threshold, _, _ in units.values()], np.int32)


SUMS = (f"c{BITS}", *(f"s{k}" for k in reversed(range(BITS))))
GATE_TICKS, SUM_TICKS = 2, BITS + 2  # how long an answer takes to come through the deepest chain of units


def build(size: str = "default") -> nn.Module:
    """The nets; nothing is learnt.

    `forward(x)`: x int8 (9,), 0 or 1: a3..a0, b3..b0, carry -> int8 (5,): the bits of their sum, largest first.
    `gates(x)`: x int8 (2,) -> int8 (16,): what the sixteen gates of `GATES` say.
    `tick(x, s)`: s int8 (20,): which units of the adder fire now -> those that fire one tick later.

    Raises:
        UsageError: another size.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building mcculloch_pitts")
    import torch
    from torch import nn

    names, units = adder()
    inputs_of_gates, units_of_gates, answers = all_gates()

    class McCullochPitts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for kind, (fibres, thresholds) in (
                ("sum", net(names, units)), ("gate", net(inputs_of_gates, units_of_gates)),
            ):  # fmt: skip
                self.register_buffer(f"{kind}_fibres", torch.from_numpy(fibres))
                self.register_buffer(f"{kind}_thresholds", torch.from_numpy(thresholds))
                self.register_buffer(f"{kind}_rest", torch.zeros(len(thresholds), dtype=torch.int8))
            places = (list(units), SUMS), (list(units_of_gates), answers)
            place = {k: [n.index(a) for a in wanted] for k, (n, wanted) in zip(("sum", "gate"), places, strict=True)}
            for kind, at in place.items():
                self.register_buffer(f"{kind}_answer", torch.tensor(at, dtype=torch.int32))

        def _fire(self, kind: str, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
            """All units at once, from what fired one tick ago."""
            heard = self.get_buffer(f"{kind}_fibres") * torch.cat([x, s])  # (units, inputs + units) int8
            total = heard.sum(dim=1, dtype=torch.int32)
            return (total >= self.get_buffer(f"{kind}_thresholds")).to(torch.int8)

        def _settle(self, kind: str, x: torch.Tensor, ticks: int) -> torch.Tensor:
            s = self.get_buffer(f"{kind}_rest")
            for _ in range(ticks):
                s = self._fire(kind, x, s)
            return torch.index_select(s, 0, self.get_buffer(f"{kind}_answer"))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self._settle("sum", x, SUM_TICKS)

        def gates(self, x: torch.Tensor) -> torch.Tensor:
            return self._settle("gate", x, GATE_TICKS)

        def tick(self, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
            return self._fire("sum", x, s)

    return McCullochPitts()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    CARD.check_size(size)
    import torch

    x = torch.zeros(2 * BITS + 1, dtype=torch.int8)
    units = torch.zeros(len(adder()[1]), dtype=torch.int8)
    return {"forward": (x,), "gates": (torch.zeros(2, dtype=torch.int8),), "tick": (x, units)}


def source(size: str = "default") -> str:
    """There is no data set: `inputs` gives everything there is."""
    CARD.check_size(size)
    return "all 512 sums of two four-bit numbers and a carry"


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """All sums, in a fixed random order.

    Args:
        split: "train" or "test": the same.
        limit: at most so many.

    Returns:
        x int8 (n, 9); y int8 (n, 5), the sum's bits, largest first.
    """
    CARD.check_size(size)
    if split not in ("train", "test"):
        raise UsageError(f"network 'mcculloch_pitts': the split must be one of train, test, got {split!r}")
    count = 2 ** (2 * BITS + 1)
    number = np.random.default_rng(1943).permutation(count)[:limit]
    x = number[:, None] >> np.arange(2 * BITS, -1, -1) & 1
    weights = 2 ** np.arange(BITS - 1, -1, -1)
    total = x[:, :BITS] @ weights + x[:, BITS : 2 * BITS] @ weights + x[:, -1]
    return x.astype(np.int8), (total[:, None] >> np.arange(BITS, -1, -1) & 1).astype(np.int8)


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of sums whose bits are all right; both (n, 5)."""
    return float((np.asarray(outputs).reshape(y.shape) == y).all(axis=1).mean())


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Nothing is learnt: every sum and every gate is tried.

    Args:
        out: folder for `mcculloch_pitts.safetensors` and its JSON figures.

    Raises:
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("training mcculloch_pitts")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    with loop.repeatable(seed), torch.no_grad():
        model = build(size)
        x, y = inputs("test")
        sums = np.stack([model.forward(torch.from_numpy(row)).numpy() for row in x])
        pairs = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.int8)
        said = torch.stack([model.gates(pair) for pair in pairs])  # type: ignore[operator]
    codes = ["".join(map(str, column)) for column in said.T.tolist()]
    right = float(np.mean([a == b for a, b in zip(codes, GATES, strict=True)]))
    metrics = {"sums_right": metric(sums, y), "gates_right": right}
    if progress:
        progress(1.0, "every sum and every gate tried")
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """The truth tables of all gates, as the board gives them, and a sum that ripples through the units tick by tick."""
    CARD.check_size(size)
    pairs = [np.array(p, np.int8) for p in ((0, 0), (0, 1), (1, 0), (1, 1))]
    said = np.stack([board.call_real("gates", p)[0] for p in pairs], axis=1)  # (16, 4)
    rows = tuple(
        (words, *map(str, row), str(len(parts)), "right" if "".join(map(str, row)) == code else "WRONG")
        for (code, (words, parts)), row in zip(GATES.items(), said.tolist(), strict=True)
    )
    a, b = 11, 5
    x = np.array([int(c) for c in f"{a:04b}{b:04b}0"], np.int8)
    firing = [np.zeros(len(adder()[1]), np.int8)]
    for _ in range(SUM_TICKS):
        firing.append(board.call_real("tick", x, firing[-1])[0])
    bits = "".join(map(str, board.call_real("forward", x)[0].tolist()))
    steps = tuple(f.reshape(BITS, -1).T for f in firing)  # a column a bit; rows some, carry, all, one, sum
    table = pictures.Table(
        f"The units after each tick: {a} + {b} = {int(bits, 2)} ({a:04b} + {b:04b} = {bits}); # fires",
        ("unit", *(f"tick {k}" for k in range(len(steps)))),
        tuple(
            (word, *("".join("#" if v else "." for v in s[row][::-1]) for s in steps))
            for row, word in enumerate(("one or more", "two or more: carry", "all three", "exactly one", "sum"))
        ),
    )
    return [
        pictures.Table(
            "All sixteen gates of two inputs: what one unit can do, and what takes two or three",
            ("gate", "0,0", "0,1", "1,0", "1,1", "units", ""), rows,
        ),
        table,
        pictures.Images(
            "The same as pictures: a column for each bit, largest left; the lowest row is the sum",
            tuple(s[:, ::-1] for s in steps), tuple(f"tick {k}" for k in range(len(steps))),
        ),
    ]  # fmt: skip
