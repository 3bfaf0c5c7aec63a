"""The network drawn: layers from left to right as cells, in the manner of the "neural network zoo" pictures.

Yellow cells are inputs, green ones hidden, orange ones outputs, blue ones recurrent; pink sheets are the maps of a
convolution, violet ones those of pooling; grey cells compute without weights of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from picozoo.report._svg import _short, element, svg, text, title
from picozoo.report.data import LayerReport, Report
from picozoo.report.figures import count, main_layers, shape_text

COLUMN, ROW, WIDTH, MIDDLE = 112.0, 238.0, 918.0, 98.0
MOST_CELLS, MOST_LAYERS = 7, 48
KINDS = {
    "input": ("input", "input"),
    "hidden": ("hidden", "dense layer"),
    "output": ("output", "output"),
    "conv": ("conv", "convolution"),
    "pool": ("pool", "pooling"),
    "recurrent": ("recurrent", "recurrent layer"),
    "memory": ("memory", "reads kept state or tables"),
    "other": ("other", "computes without weights"),
}
_OPS = {
    **dict.fromkeys(("conv2d", "conv2d_add", "wide_conv2d", "hybrid_conv2d", "conv3d", "conv_transpose"), "conv"),
    **dict.fromkeys(("max_pool2d", "avg_pool2d", "pool_nd", "mean"), "pool"),
    **dict.fromkeys(("linear", "matmul"), "hidden"),
    **dict.fromkeys(("lstm", "lstm_cell", "lstm_sequence", "gru", "rnn", "svdf"), "recurrent"),
    **dict.fromkeys(("gather", "addr", "index_copy"), "memory"),
}


@dataclass(frozen=True)
class Cell:
    """One column of the picture."""

    name: str
    op: str
    shape: tuple[int, ...]
    kind: str
    words: str
    reads: tuple[str, ...] = ()


def network(r: Report) -> str:
    """The main function's layers as a picture with a key."""
    layers = [v for v in main_layers(r) if v.op != "copy"]  # a constant brought to memory is no cell
    cells = [
        Cell(name, "input", tuple(shape), "input", f"input {name}: {shape_text(shape)}")
        for name, shape in r.inputs.items()
    ]
    cells += [_cell(v, last=v is layers[-1]) for v in layers[:MOST_LAYERS]]
    if not cells:
        return ""
    per_row = max(1, int(WIDTH // COLUMN))
    even = math.ceil(
        len(cells) / math.ceil(len(cells) / per_row)
    )  # equal rows look better than a full one and a single cell
    column = min(WIDTH / even, 150.0)
    at = [(column * (k % even + 0.5), ROW * (k // even) + MIDDLE) for k in range(len(cells))]
    parts = [_draw(c, x, y) for c, (x, y) in zip(cells, at, strict=True)]
    for k, c in enumerate(cells):
        for j in _sources(cells, k):
            parts.append(_connect(cells[j], c, at[j], at[k], adjacent=j == k - 1))
    rows = math.ceil(len(cells) / even)
    more = (
        f'<p class="small dim">… and {len(layers) - MOST_LAYERS} more layers.</p>' if len(layers) > MOST_LAYERS else ""
    )
    label = "The network: " + ", ".join(c.words for c in cells)
    return svg(column * even, ROW * rows, "".join(parts), label) + _key(cells) + more


def _sources(cells: Sequence[Cell], k: int) -> list[int]:
    """The cells that cell `k` reads: of each name the latest before it; the one before if not known."""
    if cells[k].op == "input":
        return []
    if not any(c.reads for c in cells):
        return [k - 1] if k else []
    found = {name: j for j in range(k) for name in [cells[j].name] if name in cells[k].reads}
    return sorted(found.values())


def _connect(a: Cell, b: Cell, p: tuple[float, float], q: tuple[float, float], adjacent: bool) -> str:
    """Wires between neighbours, an arc over the cells between others; a sign where a row goes on in the next one."""
    if p[1] != q[1]:
        return text(p[0] + 26, p[1] + 5, "⤶", class_="t") if adjacent else ""
    if not adjacent:
        (x1, y1), (x2, y2), over = (p[0], p[1] - _height(a)), (q[0], q[1] - _height(b)), p[1] - 100
        arc = f"M{x1:.1f} {y1:.1f}C{x1 + 14:.1f} {over:.1f} {x2 - 14:.1f} {over:.1f} {x2:.1f} {y2:.1f}"
        return element("path", d=arc, stroke="var(--wire)", stroke_width=0.9, fill="none")
    if is_map(a.shape) and is_map(b.shape) and b.kind in ("conv", "pool"):
        return _field(a, b, p, q)
    return _wires(a, b, p, q)


def _field(a: Cell, b: Cell, p: tuple[float, float], q: tuple[float, float]) -> str:
    """The part of a map that one value of the next map sees."""
    n, side = _maps(a.shape)
    m, _ = _maps(b.shape)
    half = max(side * 0.15, 3.0)
    x, y = p[0] + (n - 1) * 2.5 + side * 0.12, p[1] + (n - 1) * 2.5 - side * 0.08
    to = (q[0] - (m - 1) * 2.5 - 2, q[1] - (m - 1) * 2.5 + 2)
    square = element(
        "rect",
        x=x - half,
        y=y - half,
        width=2 * half,
        height=2 * half,
        fill="none",
        stroke="var(--outline)",
        stroke_width=1.1,
    )
    rays = f"M{x + half:.1f} {y - half:.1f}L{to[0]:.1f} {to[1]:.1f}L{x + half:.1f} {y + half:.1f}"
    return square + element("path", d=rays, stroke="var(--outline)", stroke_width=0.8, stroke_opacity=0.7, fill="none")


def _cell(v: LayerReport, last: bool) -> Cell:
    kind = _OPS.get(v.op, "other")
    if last and kind in ("hidden", "other"):
        kind = "output"
    macs = f", {count(v.macs)} multiply-accumulates" if v.macs else ""
    return Cell(
        v.name,
        v.op,
        tuple(v.out_shape),
        kind,
        f"{v.name}: {v.op} gives {shape_text(v.out_shape)} {v.out_dtype}{macs}",
        tuple(v.reads),
    )


def _key(cells: Sequence[Cell]) -> str:
    kinds = [k for k in KINDS if any(c.kind == k for c in cells)]
    return (
        '<div class="key">'
        + "".join(f'<span><i style="background:var(--{KINDS[k][0]})"></i>{KINDS[k][1]}</span>' for k in kinds)
        + "</div>"
    )


def is_map(shape: Sequence[int]) -> bool:
    """Is this a stack of pictures (batch, height, width, channels or channels first)?"""
    return len(shape) == 4 and sum(n > 1 for n in shape) >= 2


def _maps(shape: Sequence[int]) -> tuple[int, float]:
    """Number of sheets to draw and their side in pixels."""
    *_, a, b, c = shape
    side, sheets = (b, a) if a < c and b == c else (a, c)  # channels come first in inputs, last inside
    return min(max(sheets, 1), MOST_CELLS), 16 + 46 * math.log2(1 + side) / math.log2(1 + 64)


def _draw(c: Cell, x: float, y: float) -> str:
    color = f"var(--{KINDS[c.kind][0]})"
    body = _sheets(c, x, y, color) if is_map(c.shape) else _column(c, x, y, color)
    below = 112.0
    words = text(x, y + below - 12, _short(c.name, 15), text_anchor="middle", font_weight=600)
    words += text(x, y + below + 4, _short(c.op, 16), text_anchor="middle", class_="t s")
    words += text(x, y + below + 19, shape_text(c.shape), text_anchor="middle", class_="t s")
    return element("g", title(c.words) + body + words)


def _sheets(c: Cell, x: float, y: float, color: str) -> str:
    n, side = _maps(c.shape)
    step = 5.0
    start = -(n - 1) * step / 2
    return "".join(
        element(
            "rect",
            x=x - side / 2 + start + step * k,
            y=y - side / 2 + start + step * k,
            width=side,
            height=side,
            rx=3,
            fill=color,
            stroke="var(--outline)",
            stroke_width=0.9,
        )
        for k in range(n)
    )


def _spots(shape: Sequence[int]) -> list[float | None]:
    """Where the cells of a column lie, relative to its middle; None is the gap of those left out."""
    n = max(1, math.prod(shape))
    if n <= MOST_CELLS:
        return [(k - (n - 1) / 2) * 19.0 for k in range(n)]
    return [(k - (MOST_CELLS - 1) / 2) * 19.0 if k != MOST_CELLS // 2 else None for k in range(MOST_CELLS)]


def _column(c: Cell, x: float, y: float, color: str) -> str:
    parts = []
    for at in _spots(c.shape):
        if at is None:
            parts += [element("circle", cx=x, cy=y + d, r=1.6, fill="var(--dim)") for d in (-5.0, 0.0, 5.0)]
            continue
        parts.append(element("circle", cx=x, cy=y + at, r=8, fill=color, stroke="var(--outline)", stroke_width=0.9))
        if c.kind in ("recurrent", "memory", "input"):
            inner = "none" if c.kind != "input" else "var(--card)"
            parts.append(
                element(
                    "circle",
                    cx=x,
                    cy=y + at,
                    r=4,
                    fill=inner,
                    stroke="var(--outline)",
                    stroke_width=0.8,
                    fill_opacity=0.55,
                )
            )
    if c.kind == "recurrent":  # it reads what it said before
        top = y - _height(c)
        loop = f"M{x - 6:.1f} {top:.1f}C{x - 20:.1f} {top - 24:.1f} {x + 20:.1f} {top - 24:.1f} {x + 6:.1f} {top:.1f}"
        parts.append(element("path", d=loop, fill="none", stroke="var(--recurrent)", stroke_width=1.8))
    return "".join(parts)


def _height(c: Cell) -> float:
    """From the middle of a cell to just above its top."""
    if is_map(c.shape):
        n, side = _maps(c.shape)
        return side / 2 + (n - 1) * 2.5 + 3
    return 10.0 - min(s for s in _spots(c.shape) if s is not None)


def _edge(c: Cell, side: int) -> tuple[float, list[float]]:
    """Horizontal distance from the middle, and the heights, where wires of a cell end."""
    if is_map(c.shape):
        n, wide = _maps(c.shape)
        return side * (wide / 2 + (n - 1) * 2.5 + 3), [-wide / 3, wide / 3]
    return side * 10.0, [s for s in _spots(c.shape) if s is not None]


def _wires(a: Cell, b: Cell, p: tuple[float, float], q: tuple[float, float]) -> str:
    """Every cell with every cell where a layer mixes them, one to one where it does not."""
    (dx, left), (ex, right) = _edge(a, 1), _edge(b, -1)
    mixes = b.kind in ("hidden", "recurrent", "output", "conv", "pool")
    pairs = (
        [(s, t) for s in left for t in right]
        if mixes or len(left) != len(right)
        else list(zip(left, right, strict=True))
    )
    lines = "".join(f"M{p[0] + dx:.1f} {p[1] + s:.1f}L{q[0] + ex:.1f} {q[1] + t:.1f}" for s, t in pairs)
    return element("path", d=lines, stroke="var(--wire)", stroke_width=0.7, stroke_opacity=0.75, fill="none")
