"""k-means (Lloyd 1957, MacQueen 1967): groups that nobody named, each known by its centre.

x -> how near each centre is; the nearest one is the group. Learning: a centre moves to the mean of its group.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from picozoo import pictures
from picozoo.data import german_credit, penguins
from picozoo.zoo import _tables
from picozoo.zoo._card import Card, Progress, TrainResult, need_torch

if TYPE_CHECKING:
    import torch
    from torch import nn

CARD = Card(
    name="clusters",
    title="k-means clusters",
    family="dense",
    year=1967,
    authors="S. P. Lloyd; J. MacQueen",
    paper=(
        "J. MacQueen, Some methods for classification and analysis of multivariate observations, 5th Berkeley "
        "Symposium, "
        "1967; S. P. Lloyd, Least squares quantization in PCM, Bell Laboratories 1957, IEEE Trans. Inf. Theory 28, 1982"
    ),
    task="Sorts bank customers (or penguins) into groups by their figures alone, and draws the plot.",
    introduced=(
        "Learning without a teacher: a group is where its members are on average, and members choose the nearest."
    ),
    why_it_mattered=(
        "Still the first thing tried on data without labels; its centres became those of radial basis nets."
    ),
    differs_from_paper=(
        "The best of ten starts spread over the data (k-means++, 2007) is shipped.",
        "Scores are 2 c.x - |c|^2, which order the centres as distance does and cost one multiplication less.",
    ),
    data=("german_credit",),
    data_licence="CC BY 4.0 (german credit), CC0 (penguins)",
    metric="silhouette of the groups, 1 at best: how much nearer members are to their own group than to the next",
    metric_name="silhouette",
    metric_unit="",
    target=0.40,
    board={"default": "pico", "penguins": "pico", "int8": "pico"},
    boards=("uno", "nano33ble", "esp32c3", "browser"),
    functions=("forward", "learn"),
    main="forward",
    sizes=("default", "penguins", "int8"),
    precision="float32",
    train_minutes=0.1,
    learns=True,
    cells="input 3 > match 3",
    references=(
        "https://projecteuclid.org/euclid.bsmsp/1200512992",
        "https://doi.org/10.1109/TIT.1982.1056489",
    ),
    quick={"silhouette": 0.38},
    results={
        "silhouette": 0.4016,
        "silhouette_sklearn": 0.4016,
        "penguins_silhouette": 0.4627,
        "penguins_sklearn": 0.4627,
    },
    variants={
        "penguins": {"data": ("penguins",), "target": 0.46},
        "int8": {"functions": ("forward",), "learns": False, "precision": "int8"},
    },
)
GROUPS = 3
COLUMNS = {"german_credit": (1, 4, 12), "penguins": (0, 1, 2, 3)}
STARTS, PASSES = 10, 12


def source(size: str = "default") -> str:
    """The data set of this size."""
    CARD.check_size(size)
    return CARD.at(size).data[0]


def build(size: str = "default") -> nn.Module:
    """The network: 3 centres of 3 (credit) or 4 (penguins) figures, all zero.

    `forward(x)`: x float32 (D,), scaled -> scores float32 (3,); the largest is the nearest centre's.
    `learn(x, end)`: end int32 (1,), 1 with the last example of a pass -> the scores before; adds x to the sum of its
    group, and at the end of a pass moves every centre to the mean of its group.
    Size "int8" is `forward` alone with the centres of "default" as weights, made for int8.

    Raises:
        UsageError: a size that is not in the card.
        MissingTool: no PyTorch.
    """
    CARD.check_size(size)
    need_torch("building clusters")
    import torch
    from torch import nn

    width = len(COLUMNS[source(size)])

    class Clusters(nn.Module):
        centres: torch.Tensor
        sums: torch.Tensor
        members: torch.Tensor
        number: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("centres", torch.zeros(GROUPS, width))
            self.register_buffer("sums", torch.zeros(GROUPS, width))
            self.register_buffer("members", torch.zeros(GROUPS, 1))
            self.register_buffer("number", torch.arange(GROUPS))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.centres * (2 * x - self.centres)).sum(dim=1)  # (3, D) -> (3,)

        def learn(self, x: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
            scores = self.forward(x)
            mine = (self.number == scores.argmax()).float()[:, None]  # (3, 1): 1 for the nearest
            sums, members = self.sums + mine * x, self.members + mine
            done = end.float()
            means = torch.where(members > 0, sums / torch.clamp(members, min=1), self.centres)
            self.centres.add_(done * (means - self.centres))
            self.sums.copy_(sums * (1 - done))
            self.members.copy_(members * (1 - done))
            return scores

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.near = nn.Linear(width, GROUPS)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.near(x[None])[0]
            return scores

    return Frozen() if size == "int8" else Clusters()


def examples(size: str = "default") -> dict[str, tuple[torch.Tensor, ...]]:
    """Example inputs of each function."""
    import torch

    x = torch.zeros(len(COLUMNS[source(size)]))
    every: dict[str, tuple[torch.Tensor, ...]] = {"forward": (x,), "learn": (x, torch.zeros(1, dtype=torch.int32))}
    return {f: every[f] for f in CARD.at(size).functions}


def inputs(split: str, limit: int | None = None, size: str = "default") -> tuple[np.ndarray, np.ndarray]:
    """Customers (months, amount, age) or penguins (four measures), scaled by the training part.

    Args:
        split: "train" or "test".
        limit: at most so many, from the start.

    Returns:
        x float32 (n, D); y: the same, since nobody has named the groups.
    """
    x = _tables.scaled(source(size), split, COLUMNS[source(size)]).x[:limit]
    return x, x.copy()


def metric(outputs: np.ndarray, y: np.ndarray) -> float:
    """The silhouette of points y (n, D) in the groups that outputs (n, 3) say."""
    return _tables.silhouette(y, np.asarray(outputs).reshape(len(y), GROUPS).argmax(1))


def train(
    out: str | os.PathLike[str],
    *,
    size: str = "default",
    seed: int = 0,
    progress: Progress | None = None,
    quick: bool = False,
) -> TrainResult:
    """Lloyd's passes with the network's own `learn`, from the best of ten starts.

    Args:
        out: folder for the artefact's state and its JSON figures.
        quick: one start instead of ten.

    Raises:
        MissingTool: PyTorch or the data set is missing.
    """
    CARD.check_size(size)
    need_torch("training clusters")
    import torch

    from picozoo.train import loop

    began = time.perf_counter()
    x, y = inputs("train", size=size)
    start = _best_start(x, seed, 1 if quick else STARTS)
    with loop.repeatable(seed), torch.no_grad():
        model = build("penguins" if size == "penguins" else "default")
        model.get_buffer("centres").copy_(torch.from_numpy(start))
        for k, (row, end) in enumerate(_calls(x)):
            model.learn(torch.from_numpy(row), torch.from_numpy(end))  # type: ignore[operator]
            if progress and end[0]:
                progress(k / (PASSES * len(x)), f"pass {(k + 1) // len(x)} of {PASSES}")
        centres = model.get_buffer("centres")
        tx, ty = inputs("test", size=size)
        metrics = {
            "silhouette": metric(_scores(centres.numpy(), tx), ty),
            "train": metric(_scores(centres.numpy(), x), y),
        }
        metrics |= {"distance": float(_tables.distances(x, centres.numpy()).min(1).sum())} | _theirs(x, tx, seed)
        if size == "int8":
            model = build(size)
            model.get_parameter("near.weight").copy_(2 * centres)
            model.get_parameter("near.bias").copy_(-(centres**2).sum(1))
    return loop.save(out, CARD.name, size, seed, model.state_dict(), metrics, began)


def _best_start(x: np.ndarray, seed: int, tries: int) -> np.ndarray:
    """Of spread starts the one whose passes end nearest to the points."""
    starts = [_tables.spread_start(x, GROUPS, np.random.default_rng(seed * 100 + k)) for k in range(tries)]
    return min(starts, key=lambda s: _tables.lloyd(x, s)[1])


def _calls(x: np.ndarray, passes: int = PASSES) -> list[tuple[np.ndarray, np.ndarray]]:
    ends = [np.array([int(i == len(x) - 1)], np.int32) for i in range(len(x))]
    return [(row, end) for _ in range(passes) for row, end in zip(x, ends, strict=True)]


def _scores(centres: np.ndarray, x: np.ndarray) -> np.ndarray:
    return -_tables.distances(x, centres)


def _theirs(x: np.ndarray, test: np.ndarray, seed: int) -> dict[str, float]:
    """What scikit-learn's k-means reaches on the same rows; nothing where it is not installed."""
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        return {}
    found = KMeans(GROUPS, n_init=STARTS, random_state=seed).fit(x.astype(np.float64))
    groups = found.predict(test.astype(np.float64))
    return {"silhouette_sklearn": _tables.silhouette(test, groups), "distance_sklearn": float(found.inertia_)}


def lessons(
    size: str = "default",
) -> tuple[str, list[tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]:
    """Twelve passes over the training part, from centres that are three of its rows."""
    x, _ = inputs("train", size=size)
    start = _best_start(x, 0, STARTS)
    zero = {"sums": np.zeros_like(start), "members": np.zeros((GROUPS, 1), np.float32)}
    return "learn", list(_calls(x)), {"centres": start, **zero}


def show(board: pictures.Board, size: str = "default") -> list[pictures.Shown]:
    """The cluster plot, how the centres moved while it learnt on the board, and who is in each group."""
    name = source(size)
    part = _tables.scaled(name, "test", COLUMNS[name])
    groups = np.array([int(board.call_real("forward", x)[0].argmax()) for x in part.x])
    names = [list(german_credit.COLUMNS)[k] for k in COLUMNS[name]] if name == "german_credit" else penguins.FEATURES
    real = part.x * part.deviation + part.mean
    a, b = 0, 2
    path = _path(board, size) if size != "int8" else np.zeros((0, GROUPS, len(names)))
    path = path * part.deviation + part.mean
    wires = tuple(path[:, j][:, [a, b]] for j in range(GROUPS) if len(path) > 1)
    means = np.stack([real[groups == j].mean(0) if (groups == j).any() else part.mean for j in range(GROUPS)])
    word = "customers" if name == "german_credit" else "penguins"
    return [
        pictures.Points(
            f"{len(real)} {word} it has not seen, in groups that nobody named; lines: how the centres moved as it "
            f"learnt",
            {f"group {j + 1}": real[groups == j][:, [a, b]] for j in range(GROUPS)}, names[a], names[b],
            large=path[-1][:, [a, b]] if len(path) else means[:, [a, b]], large_label="centres", wires=wires,
        ),
        pictures.Table(
            "Who is in each group, on average", ("group", "members", *names),
            tuple(
                (str(j + 1), str(int((groups == j).sum())), *(f"{v:,.1f}" for v in means[j])) for j in range(GROUPS)
            ),
        ),
    ]  # fmt: skip


def _path(board: pictures.Board, size: str) -> np.ndarray:
    """Centres after each pass of `learn` on the board, (passes + 1, 3, D)."""
    function, calls, start = lessons(size)
    for state, values in start.items():
        board.set_state(state, values)
    path = [start["centres"]]
    for x, end in calls:
        board.call_real(function, x, end)
        if end[0]:
            path.append(board.get_state("centres"))
            if np.array_equal(path[-1], path[-2]):
                break
    return np.stack(path)
