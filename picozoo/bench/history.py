"""How figures went from commit to commit, from the rows of results/: a table with sparklines, and a plot."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picozoo.artefact import write_atomically
from picozoo.bench.measure import EXACT
from picozoo.bench.rows import FILE, WORDS, key, read
from picozoo.errors import MissingTool, UsageError

BARS = "▁▂▃▄▅▆▇█"
FORMATS = (".svg", ".png", ".html")


@dataclass(frozen=True)
class Series:
    """One figure over commits, oldest first."""

    group: str
    name: str
    unit: str
    commits: tuple[str, ...]
    values: tuple[float, ...]


def series(folder: Path) -> list[Series]:
    """Everything in `results/` that was measured at more than one commit or may yet be: exact figures of
    `bench.jsonl`, and the figures that picozoo sets itself of `figures.jsonl`."""
    return [*_exact(read(folder / FILE)), *_figures(read(folder / "figures.jsonl"))]


def _exact(rows: Sequence[dict[str, Any]]) -> Iterator[Series]:
    for k in dict.fromkeys(map(key, rows)):
        mine = [row for row in rows if key(row) == k]
        board, model, prefer = k
        for figure in EXACT:
            points = [(row["commit"], row[figure]) for row in mine if row.get(figure) is not None]
            if points:
                name = model if prefer == "balanced" else f"{model}, prefer {prefer}"
                yield Series(board, name, WORDS[figure], *map(tuple, zip(*points, strict=True)))


def _figures(rows: Sequence[dict[str, Any]]) -> Iterator[Series]:
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        for figure in row["figures"]:
            if figure.get("value") is not None:
                found.setdefault(figure["what"], []).append((row["commit"], float(figure["value"])))
    for what, points in found.items():
        yield Series("figures", what.replace("`", ""), "", *map(tuple, zip(*points, strict=True)))


def sparkline(values: Sequence[float]) -> str:
    """Values as bars, the lowest at the bottom; equal values lie in the middle.

    Example:
        >>> sparkline([1, 2, 4, 8]), sparkline([5, 5])
        ('▁▂▄█', '▄▄')
    """
    low, high = min(values), max(values)
    if high == low:
        return BARS[3] * len(values)
    return "".join(BARS[round((v - low) / (high - low) * (len(BARS) - 1))] for v in values)


def plot(found: Sequence[Series], path: Path) -> None:
    """Draw every figure relative to its first value, one panel a board and unit, as .svg, .png or .html.

    Raises:
        UsageError: another suffix, or nothing to draw.
        MissingTool: matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"a plot ends in {', '.join(FORMATS)}, got {path.name!r}")
    found = [s for s in found if s.group != "figures"]
    if not found:
        raise UsageError("there is no row to draw yet: run 'picozoo bench' first, in the folder that has results/")
    data = _drawn(found, "png" if path.suffix == ".png" else "svg")
    if path.suffix == ".html":
        svg = data.decode()
        data = _page(svg[svg.index("<svg") :], found).encode()
    write_atomically(path, data)


def _drawn(found: Sequence[Series], form: str) -> bytes:
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingTool("drawing needs matplotlib: run 'pip install \"picozoo[plots]\"'") from None
    mpl.use("Agg")
    from matplotlib import pyplot

    panels = list(dict.fromkeys((s.group, s.unit) for s in found))
    commits = list(dict.fromkeys(c for s in found for c in s.commits))
    with mpl.rc_context({"svg.hashsalt": "picozoo", "svg.fonttype": "none", "font.size": 8}):
        figure, axes = pyplot.subplots(
            -(-len(panels) // 2), 2, figsize=(11, 3.2 * -(-len(panels) // 2)), squeeze=False, layout="constrained"
        )
        for axis, (group, unit) in zip(axes.flat, panels, strict=False):
            for s in found:
                if (s.group, s.unit) == (group, unit) and s.values[0]:
                    at = [commits.index(c) for c in s.commits]
                    axis.plot(at, [v / s.values[0] for v in s.values], marker="o", label=s.name)
            axis.set_title(f"{group}: {unit}, relative to the first row")
            axis.set_xticks(range(len(commits)), [_short(c) for c in commits], rotation=45, ha="right")
            axis.grid(alpha=0.3)
            axis.legend(fontsize=7)
        for axis in list(axes.flat)[len(panels) :]:
            axis.axis("off")
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
        pyplot.close(figure)
    return out.getvalue()


def _short(commit: str) -> str:
    """Eight characters of a commit, and the "+" of one that was not clean.

    Example:
        >>> _short("0123456789abcdef+")
        '01234567+'
    """
    return commit[:8] + ("+" if commit.endswith("+") else "")


def _page(svg: str, found: Sequence[Series]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(s.group)}</td><td>{html.escape(s.name)}</td><td>{html.escape(s.unit)}</td>"
        f"<td>{s.values[0]:,.0f}</td><td>{min(s.values):,.0f}</td><td>{s.values[-1]:,.0f}</td></tr>"
        for s in found
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>picozoo: history</title>'
        "<style>body{font:14px sans-serif;margin:2em}td,th{padding:2px 12px;text-align:right}"
        "td:nth-child(-n+3){text-align:left}svg{max-width:100%;height:auto}</style>"
        f"<h1>Figures from commit to commit</h1>{svg}<table>"
        "<tr><th>board<th>model<th>figure<th>first<th>best<th>now</tr>"
        f"{rows}</table></html>\n"
    )
