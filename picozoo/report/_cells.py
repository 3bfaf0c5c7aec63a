"""A network's architecture in the cell notation of the well-known chart of networks, drawn in a way of our own.

A card declares it in a line:

    input 4 > kernel 6 > output 2          columns from left to right, each cell wired to all of the next column
    input 3 + backfed 2 > recurrent 4      two kinds in one column
    ring backfed 8                         one ring, every cell wired to every other
"""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from itertools import pairwise

from picozoo.errors import UsageError

R, GAP, COLUMN, MOST = 13.0, 36.0, 104.0, 9
# kind -> (colour, what the key says)
KINDS: dict[str, tuple[str, str]] = {
    "input": ("#f2c94c", "input"),
    "backfed": ("#f2c94c", "input fed back"),
    "noisy": ("#f2c94c", "noisy input"),
    "hidden": ("#6fb363", "hidden"),
    "probabilistic": ("#6fb363", "probabilistic"),
    "spiking": ("#6fb363", "spiking"),
    "capsule": ("#6fb363", "capsule"),
    "recurrent": ("#5b9bd5", "recurrent"),
    "memory": ("#5b9bd5", "memory"),
    "gated": ("#5b9bd5", "gated memory"),
    "kernel": ("#d67fae", "kernel"),
    "pool": ("#a98ad0", "convolution or pooling"),
    "output": ("#ec8a45", "output"),
    "match": ("#ec8a45", "output that matches its input"),
}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.w{stroke:#8a9096;stroke-width:.8;fill:none}"
    ".o{stroke:#2b3035;stroke-width:1.5}.g{stroke:#2b3035;stroke-width:1.6;fill:none;stroke-linecap:round}"
    ".f{fill:#2b3035}@media(prefers-color-scheme:dark){text{fill:#ddd}.w{stroke:#7a828a}.o{stroke:#ddd}}"
)
Column = list[tuple[str, int]]


def parse(line: str) -> tuple[bool, list[Column]]:
    """Whether it is a ring, and the kinds and counts of each column.

    Raises:
        UsageError: an unknown kind, or a count that is none.

    Example:
        >>> parse("input 3 + backfed 2 > output 1")
        (False, [[('input', 3), ('backfed', 2)], [('output', 1)]])
    """
    words = line.strip()
    ring = words.startswith("ring ")
    columns: list[Column] = []
    for part in words.removeprefix("ring ").split(">"):
        column: Column = []
        for cell in part.split("+"):
            kind, _, count = cell.strip().partition(" ")
            if kind not in KINDS or not count.strip().isdigit() or not 1 <= int(count) <= MOST:
                raise UsageError(
                    f"cells {line!r}: expected KIND COUNT with a count of 1 to {MOST} and a kind of "
                    f"{', '.join(KINDS)}, got {cell.strip()!r}"
                )
            column.append((kind, int(count)))
        columns.append(column)
    return ring, columns


def draw(line: str, title: str) -> str:
    """A whole SVG file: wires, cells, and a key of the kinds in it."""
    ring, columns = parse(line)
    placed = _ring(columns[0]) if ring else _columns(columns)
    width = max([x for c in placed for x, _, _ in c]) + R + 30
    height = max([y for c in placed for _, y, _ in c]) + R + 24
    pairs = [(a, b) for c, d in pairwise(placed) for a in c for b in d]
    if ring:
        pairs = [(a, b) for i, a in enumerate(placed[0]) for b in placed[0][:i]]
    wires = "".join(f'<path class="w" d="M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}"/>' for a, b in pairs)
    cells = "".join(_cell(x, y, kind) for c in placed for x, y, kind in c)
    kinds = list(dict.fromkeys(kind for c in columns for kind, _ in c))
    key, key_height, key_width = _key(kinds, height)
    width, height = max(width, key_width), height + key_height
    label = f"{title}: " + ", then ".join(" and ".join(f"{n} {KINDS[k][1]}" for k, n in c) for c in columns)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)} cells">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>{wires}{cells}{key}</svg>\n"
    )


Placed = list[tuple[float, float, str]]


def _columns(columns: list[Column]) -> list[Placed]:
    tallest = max(sum(n for _, n in c) for c in columns)
    made = []
    for k, column in enumerate(columns):
        kinds = [kind for kind, n in column for _ in range(n)]
        top = R + 24 + (tallest - len(kinds)) * GAP / 2
        made.append([(R + 30 + COLUMN * k, top + GAP * i, kind) for i, kind in enumerate(kinds)])
    return made


def _ring(column: Column) -> list[Placed]:
    kinds = [kind for kind, n in column for _ in range(n)]
    radius = max(GAP * len(kinds) / (2 * math.pi) * 1.25, 46.0)
    middle = radius + R + 26
    turns = [2 * math.pi * i / len(kinds) - math.pi / 2 for i in range(len(kinds))]
    return [
        [(middle + radius * math.cos(t), middle + radius * math.sin(t), k) for t, k in zip(turns, kinds, strict=True)]
    ]


def _key(kinds: list[str], top: float) -> tuple[str, float, float]:
    parts = []
    for i, kind in enumerate(kinds):
        y = top + 20 + 34 * i
        parts.append(
            _cell(R + 30, y, kind) + f'<text x="{R + 56:.0f}" y="{y + 4.5:.1f}">{escape(KINDS[kind][1])}</text>'
        )
    widest = max(len(KINDS[k][1]) for k in kinds)
    return "".join(parts), 34.0 * len(kinds) + 14, R + 76 + widest * 7.2


def _cell(x: float, y: float, kind: str) -> str:
    """One cell; colour says the family, the sign in it the kind."""
    colour = KINDS[kind][0]
    shape = _SHAPES.get(kind)
    body = shape(x, y, colour) if shape else f'<circle class="o" cx="{x:.1f}" cy="{y:.1f}" r="{R}" fill="{colour}"/>'
    sign = _SIGNS.get(kind)
    return body + (sign(x, y) if sign else "")


def _path(d: str, kind: str = "g") -> str:
    return f'<path class="{kind}" d="{d}"/>'


def _square(x: float, y: float, colour: str) -> str:
    s = R * 0.92
    size = f'width="{2 * s:.1f}" height="{2 * s:.1f}"'
    return f'<rect class="o" x="{x - s:.1f}" y="{y - s:.1f}" {size} rx="3" fill="{colour}"/>'


def _pill(x: float, y: float, colour: str) -> str:
    return (
        f'<rect class="o" x="{x - 1.25 * R:.1f}" y="{y - 0.75 * R:.1f}" width="{2.5 * R:.1f}" height="{1.5 * R:.1f}" '
        f'rx="{0.75 * R:.1f}" fill="{colour}"/>'
    )


def _hexagon(x: float, y: float, colour: str) -> str:
    points = " ".join(
        f"{x + 1.08 * R * math.cos(math.pi * k / 3):.1f},{y + 1.08 * R * math.sin(math.pi * k / 3):.1f}"
        for k in range(6)
    )
    return f'<polygon class="o" points="{points}" fill="{colour}"/>'


_SHAPES: dict[str, Callable[[float, float, str], str]] = {
    "kernel": _square,
    "pool": _square,
    "capsule": _pill,
    "memory": _hexagon,
    "gated": _hexagon,
}


def _dots(x: float, y: float) -> str:
    at = ((-4, 3.5), (4, 3.5), (0, -4))
    return "".join(f'<circle class="f" cx="{x + a:.1f}" cy="{y + b:.1f}" r="2.1"/>' for a, b in at)


_SIGNS: dict[str, Callable[[float, float], str]] = {
    "backfed": lambda x, y: _path(f"M{x - 5:.1f} {y + 3:.1f}a6 6 0 1 1 10 0m0 0l-4.5 -.5m4.5 .5l1 -4.2"),
    "noisy": lambda x, y: _path(f"M{x - 7:.1f} {y:.1f}l2.5 -4 3 7 3 -8 2.5 6 2.5 -3"),
    "probabilistic": _dots,
    "spiking": lambda x, y: _path(f"M{x - 7:.1f} {y + 4:.1f}h5l2 -10 2 10h5"),
    "capsule": lambda x, y: _path(f"M{x - 8:.1f} {y:.1f}h13m-4 -3.5l4.5 3.5 -4.5 3.5"),
    "recurrent": lambda x, y: _path(f"M{x - 1:.1f} {y:.1f}a3.5 3.5 0 1 1 3.5 3.5 6.5 6.5 0 1 1 3 -9"),
    "memory": lambda x, y: _path(f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z"),
    "gated": lambda x, y: _path(f"M{x - 5:.1f} {y - 5:.1f}v10m10 -10v10m-10 -5h4l3 -3.5"),
    "kernel": lambda x, y: _path(f"M{x - 8:.1f} {y + 6:.1f}c5 0 5 -12 8 -12s3 12 8 12"),
    "pool": lambda x, y: _path(f"M{x - 7:.1f} {y - 5:.1f}h14l-7 11z"),
    "match": lambda x, y: _path(f"M{x - 6:.1f} {y - 2.5:.1f}h12m-12 5h12"),
}
