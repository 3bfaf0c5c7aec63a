"""What every network file declares: its card, and what its training gives back. No PyTorch here.

A network file `zoo/NAME.py` holds:
    CARD                                  a `Card`
    build(size="default")                 the nn.Module; its public methods named in `CARD.functions` are its functions
    examples(size="default")              function name -> example input tensors, batch 1
    train(out, *, size, seed, progress, quick)   the recipe -> `TrainResult`; same seed, same bytes
    inputs(split, limit=None, size=...)   NumPy: x[i] is the one input of call i of `CARD.main`, y[i] what is right
    metric(outputs, y)                    NumPy: the figure; outputs[i] is what call i gave
    source(size=...)                      only if not the first of `CARD.data` that is here: the set of `inputs`
    starts(split, limit=None, size=...)   only if `CARD.streaming`: the calls before which the kept state is reset
    calibration(size=...)                 only if other int8 functions have parameters too: function name -> tuple of
                                          arrays, one a parameter, first dimension = calls; or the name of the
                                          function whose outputs for the main inputs they are
    lessons(size=...)                     only if `CARD.learns`: (function, its calls, the states to begin with:
                                          names of those that start at zero, or name -> array)
    adapt(tests, size=...)                what a training step added by --learn goes on to learn: (in words, x and y to
                                          learn from, x and y of so many tests); without it, more of its training data
    show(board, size=...)                 what it is known for, as plain values of `picozoo.pictures`; no PyTorch
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from picozoo.errors import MissingTool, UsageError

# (share done 0..1, one line of words) -> None
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Card:
    """The facts of one network, for `picozoo show`.

    Args:
        name: equal to the file name.
        title, family, year, authors, paper: what it is and where it was published.
        task: what it does here, one sentence.
        introduced: what was new in it.
        why_it_mattered: what followed from it.
        differs_from_paper: one entry per difference of this form from the paper's.
        data: data sets (names in `picozoo.data`), the first one gives `metric`.
        data_licence: licence of what it was trained on.
        metric: what `metric()` measures, in words.
        metric_name: its name, as tables have it; "accuracy" is the share of right answers, and wrong ones are shown.
        metric_unit: "%": `metric()` gives a share, 0 to 1, shown as a percentage. Else what stands behind the number,
            "" for a number alone.
        metric_better: "higher" or "lower".
        target: the figure to reach, as `metric()` gives it.
        board: the board it is shown on, by size.
        boards: others it is known to fit.
        functions: public methods that become C functions; the first is the main one.
        main: the function that `inputs` and `metric` speak of.
        sizes: what `build(size)` takes.
        precision: "int8" (quantised after training), "native" (what it knows is in integers already), or "float32" (it
            learns on the board in real numbers).
        cells: its architecture in a line, for the picture: see `picozoo/report/_cells.py`.
        variants: size -> fields of the card that are different for it, such as its functions or target; see `at`.
        train_minutes: on one core of a desktop processor.
        quick: what the quick recipe must at least reach, by the names of its figures; the tests run it.
        streaming: calls depend on each other through kept state; see `starts`.
        learns: it has a function that learns on the board.
        references: papers and pages.
        results: figures of the shipped float or native artefact, name -> value; first that of `metric`.
    """

    name: str
    title: str
    family: str
    year: int
    authors: str
    paper: str
    task: str
    introduced: str
    why_it_mattered: str
    differs_from_paper: tuple[str, ...]
    data: tuple[str, ...]
    data_licence: str
    metric: str
    target: float
    board: dict[str, str]
    boards: tuple[str, ...]
    functions: tuple[str, ...]
    main: str
    sizes: tuple[str, ...] = ("default",)
    metric_name: str = "accuracy"
    metric_unit: str = "%"
    metric_better: str = "higher"
    precision: str = "int8"
    train_minutes: float = 1.0
    quick: dict[str, float] = field(default_factory=dict)
    streaming: bool = False
    learns: bool = False
    references: tuple[str, ...] = ()
    results: dict[str, float] = field(default_factory=dict)
    cells: str = ""
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at(self, size: str) -> Card:
        """The card of one size."""
        return replace(self, **self.variants[size]) if size in self.variants else self

    def reaches(self, value: float) -> bool:
        """Is a figure of `metric()` as good as `target`?"""
        return value >= self.target if self.metric_better == "higher" else value <= self.target

    def check_size(self, size: str) -> None:
        """Refuse a size that `build` does not have.

        Raises:
            UsageError: `size` is not in `sizes`.
        """
        if size not in self.sizes:
            raise UsageError(f"network {self.name!r}: the size must be one of {', '.join(self.sizes)}, got {size!r}")


@dataclass(frozen=True)
class TrainResult:
    """What a recipe made.

    Args:
        path: the state, a safetensors file named after the network (and its size unless "default").
        metrics: name -> figure, all on held-out data.
        parameters: learnt or stored numbers in the artefact.
        minutes: wall clock.
    """

    name: str
    size: str
    seed: int
    path: Path
    metrics: dict[str, float]
    parameters: int
    minutes: float


def need_torch(what: str) -> None:
    """Say how to get PyTorch if it is not there.

    Raises:
        MissingTool: torch cannot be imported.
    """
    if find_spec("torch") is None:
        raise MissingTool(f"{what} needs PyTorch; run: pip install 'picozoo[train]'")
