"""What a network shows, drawn in a terminal: half blocks for pictures, braille for curves and points.

With colours, a character is two pixels one above the other. Without, shades say how much ink there is, and signed
pictures have other signs below zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil

import numpy as np
from rich.console import Console, RenderableType
from rich.text import Text

from picozoo import pictures
from picozoo.report.figures import three

SHADES, BELOW = " ░▒▓█", " ·-=≡"
STYLES = ("cyan", "yellow", "magenta", "green", "red", "blue")
LETTERS = "ox+*#%"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of a braille character, 4 rows of 2
ROWS, WIDEST = 14, 76


def show(console: Console, shown: Sequence[pictures.Shown]) -> None:
    """Print everything, each with its caption above it."""
    for s in shown:
        console.print()
        console.print(Text(s.caption, style="bold"))
        for part in _DRAW[type(s)](s, console):
            console.print(part, soft_wrap=True)


def _images(s: pictures.Images, console: Console) -> Iterator[RenderableType]:
    """Tiles side by side, as many as fit, their labels below."""
    width = min(console.width, 160)
    drawn = [_tile(t, s, console.color_system is not None, width) for t in s.tiles]
    labels = s.labels or ("",) * len(drawn)
    column = max([max(line.cell_len for line in d) for d in drawn] + [min(len(v), 30) for v in labels]) + 2
    per_row = max(1, width // column)
    per_row = min(per_row, s.columns) if s.columns else per_row
    for at in range(0, len(drawn), per_row):
        row = drawn[at : at + per_row]
        for k in range(max(len(d) for d in row)):
            yield _join([d[k] if k < len(d) else Text() for d in row], column)
        if s.labels:
            yield _join([Text(v, style="dim") for v in labels[at : at + per_row]], column)


def _join(parts: Sequence[Text], column: int) -> Text:
    line = Text()
    for p in parts:
        p = p.copy()
        p.truncate(column - 1, overflow="ellipsis")
        p.pad_right(column - p.cell_len)
        line.append_text(p)
    line.rstrip()
    return line


def _tile(tile: np.ndarray, s: pictures.Images, colour: bool, width: int) -> list[Text]:
    """One picture; (H, W) pixels become H / 2 lines of W characters."""
    tile = _shrink(np.asarray(tile, np.float64), width)
    low, high = s.limits(tile) if tile.ndim == 2 else (0.0, 1.0)
    part = np.clip((tile - low) / (high - low), 0, 1)
    if len(part) % 2:
        empty = 0.5 if s.signed else 0.0
        part = np.concatenate([part, np.full_like(part[:1], empty)])
    if colour:
        return _coloured(part if part.ndim == 3 else _colours(part, s.signed))
    grey = part.mean(2) if part.ndim == 3 else part
    if not s.signed and set(np.unique(grey).tolist()) <= {0.0, 1.0}:
        return [Text("".join(" ▄▀█"[int(a) * 2 + int(b)] for a, b in zip(*pair, strict=True))) for pair in _pairs(grey)]
    mean = (grey[0::2] + grey[1::2]) / 2
    return [Text("".join(_shade(v, s.signed) for v in row)) for row in mean]


def _shrink(tile: np.ndarray, width: int) -> np.ndarray:
    """Means of whole blocks, until it is no wider than the screen."""
    factor = ceil(tile.shape[1] / width)
    if factor == 1:
        return tile
    h, w = tile.shape[0] // factor * factor, tile.shape[1] // factor * factor
    small: np.ndarray = tile[:h, :w].reshape(h // factor, factor, w // factor, factor, *tile.shape[2:]).mean((1, 3))
    return small


def _pairs(grey: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(grey[0::2], grey[1::2], strict=True)


def _shade(v: float, signed: bool) -> str:
    if not signed:
        return SHADES[min(int(v * 5), 4)]
    far = min(int(abs(v - 0.5) * 2 * 4.999 + 0.35), 4)
    return SHADES[far] if v > 0.5 else BELOW[far]


def _colours(part: np.ndarray, signed: bool) -> np.ndarray:
    """(H, W) 0..1 -> (H, W, 3): ink on dark paper; signed, blue below zero and orange above."""
    paper, ink = np.array([0.10, 0.11, 0.13]), np.array([0.95, 0.93, 0.86])
    if not signed:
        grey: np.ndarray = paper + (ink - paper) * part[..., None]
        return grey
    above, below = np.array([0.96, 0.58, 0.28]), np.array([0.35, 0.65, 0.98])
    far = np.abs(part - 0.5)[..., None] * 2
    made: np.ndarray = paper + (np.where(part[..., None] > 0.5, above, below) - paper) * far
    return made


def _coloured(rgb: np.ndarray) -> list[Text]:
    byte = np.clip(rgb * 255, 0, 255).astype(int)
    lines = []
    for top, bottom in zip(byte[0::2], byte[1::2], strict=True):
        line = Text()
        for a, b in zip(top, bottom, strict=True):
            line.append("▀", style=f"rgb({a[0]},{a[1]},{a[2]}) on rgb({b[0]},{b[1]},{b[2]})")
        lines.append(line)
    return lines


class _Canvas:
    """A plane of braille dots with numbers at its corners."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], columns: int) -> None:
        self.x, self.y, self.columns = x, y, columns
        self.dots = np.zeros((ROWS, columns), int)
        self.owner = np.full((ROWS, columns), -1)
        self.sign: dict[tuple[int, int], str] = {}

    def dot(self, x: float, y: float, owner: int) -> tuple[int, int] | None:
        """Set one dot; None if it lies outside."""
        if not (np.isfinite(x) and np.isfinite(y)):
            return None
        u = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1) * (self.columns * 2 - 1)
        v = (self.y[1] - y) / ((self.y[1] - self.y[0]) or 1) * (ROWS * 4 - 1)
        if not (-0.5 <= u < self.columns * 2 and -0.5 <= v < ROWS * 4):
            return None
        column, row = round(u), round(v)
        at = (min(row // 4, ROWS - 1), min(column // 2, self.columns - 1))
        if owner < 0 and at in self.sign:  # a line goes over letters
            del self.sign[at]
            self.dots[at] = 0
        self.dots[at] |= DOTS[row % 4][column % 2]
        self.owner[at] = owner
        return at

    def line(self, a: np.ndarray, b: np.ndarray, owner: int) -> None:
        """Dots from a to b."""
        if np.isfinite([*a, *b]).all():
            for t in np.linspace(0, 1, self.columns):
                self.dot(float(a[0] + (b[0] - a[0]) * t), float(a[1] + (b[1] - a[1]) * t), owner)

    def rows(self, x_label: str, y_label: str) -> Iterator[Text]:
        """The plane as text, with its limits."""
        left = max(len(three(self.y[0])), len(three(self.y[1])), 3)
        if y_label:
            yield Text(y_label, style="dim")
        for k in range(ROWS):
            edge = three(self.y[1]) if k == 0 else three(self.y[0]) if k == ROWS - 1 else ""
            line = Text(f"{edge:>{left}} ┤" if edge else " " * (left + 1) + "│", style="dim")
            for c in range(self.columns):
                word = self.sign.get((k, c)) or (chr(0x2800 + self.dots[k, c]) if self.dots[k, c] else " ")
                owner = int(self.owner[k, c])
                line.append(word, style=STYLES[owner % len(STYLES)] if owner >= 0 else "")
            line.rstrip()
            yield line
        low, high = three(self.x[0]), three(self.x[1])
        middle = x_label.center(max(self.columns - len(low) - len(high), 1))
        yield Text(" " * (left + 2) + low + middle + high, style="dim")


def _limits(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _curves(s: pictures.Curves, console: Console) -> Iterator[RenderableType]:
    x = np.asarray(s.x, np.float64)
    every = np.concatenate([np.asarray(y, np.float64) for y in s.lines.values()])
    canvas = _Canvas(_limits(x), _limits(every), min(console.width - 12, WIDEST))
    for k, y in enumerate(s.lines.values()):
        points = np.stack([x, np.asarray(y, np.float64)], 1)
        for a, b in pairwise(points):
            canvas.line(a, b, k)
    yield from canvas.rows(s.x_label, s.y_label)
    if len(s.lines) > 1:
        yield _key(list(s.lines), [f"{three(float(np.asarray(y)[-1]))} at the end" for y in s.lines.values()])
    for at, words in s.marks:
        yield Text(f"  at {three(at)}: {words}", style="dim")


def _key(names: Sequence[str], notes: Sequence[str]) -> Text:
    line = Text("  ")
    for k, (name, note) in enumerate(zip(names, notes, strict=True)):
        line.append("■ ", style=STYLES[k % len(STYLES)])
        line.append(f"{name} ({note})   ")
    return line


def _points(s: pictures.Points, console: Console) -> Iterator[RenderableType]:
    """A letter a group where there are no colours; large points are @."""
    clouds = [np.asarray(g, np.float64).reshape(-1, 2) for g in s.groups.values()]
    seen = np.concatenate([*clouds, *[np.asarray(w) for w in s.wires]])
    x, y = (s.extent[:2], s.extent[2:]) if s.extent else (_limits(seen[:, 0]), _limits(seen[:, 1]))
    canvas = _Canvas((x[0], x[1]), (y[0], y[1]), min(console.width - 12, WIDEST))
    for k, cloud in enumerate(clouds):
        for p in cloud:
            at = canvas.dot(float(p[0]), float(p[1]), k)
            if at and len(clouds) > 1 and console.color_system is None:
                canvas.sign[at] = LETTERS[k % len(LETTERS)]
    for wire in s.wires:
        for a, b in pairwise(wire):
            canvas.line(a, b, -1)
    for p in np.asarray(s.large).reshape(-1, 2) if s.large is not None else ():
        at = canvas.dot(float(p[0]), float(p[1]), -1)
        if at:
            canvas.sign[at] = "@"
    yield from canvas.rows(s.x_label, s.y_label)
    if len(s.groups) > 1:
        yield _key([f"{LETTERS[k % len(LETTERS)]} {n}" for k, n in enumerate(s.groups)], [str(len(c)) for c in clouds])
    if s.large is not None and s.large_label:
        yield Text(f"  @ {s.large_label}")


def _bars(s: pictures.Bars, console: Console) -> Iterator[RenderableType]:
    values = np.asarray(s.values, np.float64)
    most = float(np.abs(values).max(initial=0)) or 1.0
    name = min(max((len(n) for n in s.names), default=0), 40)
    room = max(min(console.width - name - 14, 60), 10)
    signed = bool((values < 0).any())
    half = room // 2 if signed else room
    for word, v in zip(s.names, values, strict=True):
        bar = "█" * round(abs(v) / most * half) or ("▏" if v else "")
        left = bar.rjust(half) if v < 0 else " " * (half if signed else 0)
        line = Text(f"  {word[:name]:<{name}} {three(float(v)):>8} ")
        line.append(left, style=STYLES[4])
        line.append("" if v < 0 else bar, style=STYLES[0])
        line.rstrip()
        yield line
    if s.unit:
        yield Text(f"  {s.unit}", style="dim")


def _table(s: pictures.Table, console: Console) -> Iterator[RenderableType]:
    from rich.markup import escape

    from picozoo.report.table import plain_table

    table = plain_table("")
    for k, head in enumerate(s.head):
        table.add_column(escape(head), justify="left" if k == 0 else "right", overflow="fold")
    for row in s.rows:
        table.add_row(*[escape(v) for v in row])
    yield table


def _words(s: pictures.Words, console: Console) -> Iterator[RenderableType]:
    for line in s.text.splitlines():
        yield Text(f"  {line}")


def _sound(s: pictures.Sound, console: Console) -> Iterator[RenderableType]:
    """Its loudness over time, one line."""
    columns = min(console.width - 4, WIDEST)
    parts = np.array_split(np.abs(np.asarray(s.samples, np.float64)), columns)
    loud = np.array([p.max(initial=0) for p in parts])
    top = float(loud.max(initial=0)) or 1.0
    yield Text("  " + "".join("▁▂▃▄▅▆▇█"[min(int(v / top * 8), 7)] for v in loud), style=STYLES[0])
    yield Text(f"  {len(s.samples) / s.rate:.1f} s of sound; the page (report.html) plays it", style="dim")


_DRAW: dict[type, Callable[..., Iterator[RenderableType]]] = {
    pictures.Images: _images,
    pictures.Curves: _curves,
    pictures.Points: _points,
    pictures.Bars: _bars,
    pictures.Table: _table,
    pictures.Words: _words,
    pictures.Sound: _sound,
}

__all__ = ["show"]
