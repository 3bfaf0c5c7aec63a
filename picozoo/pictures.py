"""What a network shows of itself, as plain values: pictures, curves, points, bars, tables, words, sounds.

A network file may have

    show(board, size="default") -> list[Shown]

without PyTorch. `board` runs the compiled network on the emulated (or real) chip: `board.call_real("recall", x)`. What
`show` gives back, the terminal draws in blocks (`report/_blocks.py`) and report.html as pictures (`report/_shown.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from picozoo.errors import UsageError


class Board(Protocol):
    """What `show` may ask of the running network; `compiler.Session` is one."""

    def call_real(self, function: str, *inputs: Any) -> list[np.ndarray]:
        """One call on the board, from and to real numbers; one array per output."""
        ...

    def get_state(self, name: str) -> np.ndarray:
        """One kept tensor."""
        ...

    def set_state(self, name: str, values: np.ndarray) -> None:
        """Write one kept tensor."""
        ...

    def reset(self) -> None:
        """Put all kept state back to its initial value."""
        ...


@dataclass(frozen=True)
class Images:
    """Pictures in a row, each with a line of words under it.

    Args:
        caption: what is seen here, one or two sentences.
        tiles: arrays (H, W), or (H, W, 3) in colour, 0 to 1.
        labels: one per tile, or none.
        signed: zero is paper, below it one colour, above it another; else the smallest value is paper, the largest ink.
        columns: tiles in a row; 0 is as many as fit.
        common: one scale for all tiles, else each has its own.
    """

    caption: str
    tiles: tuple[np.ndarray, ...]
    labels: tuple[str, ...] = ()
    signed: bool = False
    columns: int = 0
    common: bool = True

    def __post_init__(self) -> None:
        for t in self.tiles:
            if t.ndim not in (2, 3) or t.size == 0 or (t.ndim == 3 and t.shape[2] != 3):
                raise UsageError(f"Images {self.caption!r}: a tile must be (H, W) or (H, W, 3), got {list(t.shape)}")
        if self.labels and len(self.labels) != len(self.tiles):
            raise UsageError(f"Images {self.caption!r}: {len(self.labels)} labels for {len(self.tiles)} tiles")

    def limits(self, tile: np.ndarray) -> tuple[float, float]:
        """What is paper and what is ink for this tile; for signed pictures -m and m."""
        seen = self.tiles if self.common else (tile,)
        low, high = min(float(t.min()) for t in seen), max(float(t.max()) for t in seen)
        if self.signed:
            most = max(-low, high) or 1.0
            return -most, most
        return (low, high) if high > low else (low, low + 1.0)


@dataclass(frozen=True)
class Curves:
    """One or more lines over a common axis.

    Args:
        caption: what is seen here.
        x: (n,), ascending.
        lines: name -> (n,); not-a-number leaves a gap.
        x_label, y_label: with the unit.
        marks: (x, words) of what happened there.
    """

    caption: str
    x: np.ndarray
    lines: dict[str, np.ndarray]
    x_label: str = ""
    y_label: str = ""
    marks: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        for name, y in self.lines.items():
            if np.shape(y) != np.shape(self.x):
                raise UsageError(
                    f"Curves {self.caption!r}: line {name!r} has {np.size(y)} values, x has {np.size(self.x)}"
                )


@dataclass(frozen=True)
class Points:
    """Points on a plane by group, and what a network says of the plane behind them.

    Args:
        caption: what is seen here.
        groups: name -> (n, 2).
        x_label, y_label: with the unit.
        large: (n, 2) points drawn large: centres, support vectors.
        large_label: what those are.
        wires: each (k, 2), a line through k points: a mesh, a margin.
        plane: (H, W) values, its first row at the bottom; drawn as shades.
        extent: left, right, bottom, top of `plane`.
    """

    caption: str
    groups: dict[str, np.ndarray]
    x_label: str = ""
    y_label: str = ""
    large: np.ndarray | None = None
    large_label: str = ""
    wires: tuple[np.ndarray, ...] = ()
    plane: np.ndarray | None = None
    extent: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Bars:
    """A number for each of a few names; they may be below zero.

    Args:
        caption: what is seen here.
        names: one per bar.
        values: (n,).
        unit: what the numbers count.
    """

    caption: str
    names: tuple[str, ...]
    values: np.ndarray
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of words and numbers.

    Args:
        caption: what is seen here.
        head: names of the columns.
        rows: as many words each.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Words:
    """Text that the network wrote, or that explains; line breaks are kept."""

    caption: str
    text: str


@dataclass(frozen=True)
class Sound:
    """Something to listen to.

    Args:
        caption: what is heard.
        samples: (n,), -1 to 1.
        rate: samples per second.
    """

    caption: str
    samples: np.ndarray
    rate: int


Shown = Images | Curves | Points | Bars | Table | Words | Sound
KINDS: dict[str, type] = {k.__name__.lower(): k for k in (Images, Curves, Points, Bars, Table, Words, Sound)}


def to_plain(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """As dictionaries, lists, numbers and strings, for JSON; numbers to six digits.

    Example:
        >>> to_plain([Words("a name", "emma")])
        [{'kind': 'words', 'caption': 'a name', 'text': 'emma'}]
    """
    return [
        {"kind": type(s).__name__.lower(), **{f.name: _plain(getattr(s, f.name)) for f in fields(s)}} for s in shown
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":  # JSON knows no not-a-number
            return [_plain(v) for v in value] if value.ndim > 1 else [_number(v) for v in value.tolist()]
        return value.astype(int).tolist()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return _number(value) if isinstance(value, float | np.floating) else value


def _number(value: Any) -> float | None:
    return float(f"{float(value):.6g}") if np.isfinite(value) else None


def from_plain(rows: Sequence[dict[str, Any]]) -> list[Shown]:
    """Back from `to_plain`.

    Raises:
        UsageError: a kind that is none of `KINDS`.

    Example:
        >>> from_plain(to_plain([Bars("b", ("x",), np.array([1.5]))]))[0].values
        array([1.5])
    """
    made: list[Shown] = []
    for row in rows:
        given = dict(row)
        kind = KINDS.get(str(given.pop("kind", "")))
        if kind is None:
            raise UsageError(f"shown pictures: the kind must be one of {', '.join(KINDS)}, got {row.get('kind')!r}")
        made.append(kind(**{k: _back(k, v) for k, v in given.items()}))
    return made


_ARRAYS = ("x", "large", "plane", "values", "samples")
_DICTS_OF_ARRAYS = ("lines", "groups")
_TUPLES_OF_ARRAYS = ("tiles", "wires")


def _array(value: Any) -> np.ndarray:
    return np.array(value, np.float64)  # None becomes not-a-number


def _back(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _ARRAYS:
        return _array(value)
    if name in _DICTS_OF_ARRAYS:
        return {k: _array(v) for k, v in value.items()}
    if name in _TUPLES_OF_ARRAYS:
        return tuple(_array(v) for v in value)
    if isinstance(value, list):
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    return value


__all__ = ["KINDS", "Bars", "Board", "Curves", "Images", "Points", "Shown", "Sound", "Table", "Words", "from_plain"]
__all__ += ["to_plain"]
