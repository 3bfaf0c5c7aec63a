"""Reports as tables on a terminal. One board: its figures and the profile of its layers; several: side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from picozoo import pictures
from picozoo.report import _blocks
from picozoo.report.data import LayerReport, Report
from picozoo.report.figures import (
    NONE,
    Figure,
    count,
    duration,
    learning_text,
    main_layers,
    metric_words,
    sections,
    shape_text,
)

MOST_LAYERS = 24  # rows of a profile; the smallest layers beyond that are added up in one row
LABEL = 26
COLUMN = 20  # narrowest useful column of one board
_STYLE = {"predicted": "yellow", "measured": "cyan", "exact": "green"}


@dataclass(frozen=True)
class Failed:
    """A board that gave no report, and the sentence that says why."""

    name: str
    board: str
    reason: str


def show(console: Console, rows: Sequence[Report | Failed]) -> None:
    """Print everything about these reports: summary, profile, learning, boards that failed."""
    reports = [r for r in rows if isinstance(r, Report)]
    if reports:
        first = reports[0]
        console.print(Text(heading(first), style="bold"))
        if first.accuracy is None and first.data:
            console.print(Text(first.data, style="yellow"))
        if words := metric_words(first):
            console.print(Text(words, style="dim"))
        for part in summary(reports, console.width):
            console.print(part)
        console.print(
            profile(reports[0], console.width) if len(reports) == 1 else compare_layers(reports, console.width)
        )
        for r in reports:
            if r.learning is not None:
                console.print(("" if len(reports) == 1 else f"{r.board}: ") + learning_text(r))
        _blocks.show(console, pictures.from_plain(next((r.shown for r in reports if r.shown), [])))
    for f in rows:
        if isinstance(f, Failed):
            console.print(Text.assemble((f"{f.board}: ", "bold red"), f.reason))


def summary(reports: Sequence[Report], width: int) -> Iterator[RenderableType]:
    """Figures in rows, boards in columns; as many tables one below the other as the width asks for."""
    fit = max(1, (width - LABEL) // (COLUMN + 2))
    rows = sections(reports)
    for start in range(0, len(reports), fit):
        yield _summary(reports[start : start + fit], rows, width, len(reports) == 1)


def heading(r: Report) -> str:
    """What was run, in one line."""
    data = f" · {r.data}" if r.data and r.accuracy is not None else ""
    return f"{r.title or r.name}{data}"


def _summary(reports: Sequence[Report], rows: list[tuple[str, list[Figure]]], width: int, single: bool) -> Table:
    table = plain_table("")
    table.add_column("", min_width=LABEL, no_wrap=True)
    for r in reports:
        table.add_column(
            Text(f"{r.board_title or r.board}\n{r.core}", justify="right"),
            justify="right",
            max_width=None if single else max(COLUMN, (width - LABEL) // len(reports) - 2),
        )
    if single:
        table.add_column("how known", style="dim")
    for name, figures in rows:
        table.add_row(Text(name, style="bold"))
        for f in figures:
            cells = [Text(f.text(r), style="bold" if f.strong else "") for r in reports]
            how = Text(f.how, style=_STYLE.get(f.how, "")) if single else None
            label = f"  {f.label}" + (
                f" ({f.how})" if not single and f.how == "predicted" and f.label[0] != " " else ""
            )
            table.add_row(label, *cells, *([how] if how is not None else []))
        table.add_section()
    return table


def plain_table(title: str) -> Table:
    """An empty table in the one style of all of them."""
    return Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        show_edge=False,
        pad_edge=False,
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


# Forms of a profile from the fullest to the most frugal: width of the bars, longest layer name, are MACs shown.
_FORMS = ((16, 44, True), (10, 32, True), (6, 20, True), (6, 20, False), (0, 20, False), (0, 14, False))


@dataclass(frozen=True)
class Column:
    """Head and cells of one column."""

    head: str
    right: bool
    cells: list[str]
    style: str = ""

    @property
    def width(self) -> int:
        """Characters of its longest text."""
        return max(len(text) for text in (self.head, *self.cells))


def profile(r: Report, width: int) -> Table:
    """Where the time goes: one row per layer of the main function, with a bar; as full as the width allows."""
    shown, rest = split(main_layers(r))
    if rest:
        sums = [sum(getattr(v, k) or 0 for v in rest) for k in ("macs", "instructions", "ms_predicted")]
        name = f"{len(rest)} smaller"
        shown.append(LayerReport(name, "", r.function, int(sums[0]), sums[1], None, sums[2], None, [], "", ""))
    for form in _FORMS:
        columns = _columns(r, shown, *form)
        if sum(c.width + 2 for c in columns) - 1 <= width:
            break
    table = plain_table(f"Layers of {r.function}")
    for c in columns:
        table.add_column(c.head, justify="right" if c.right else "left", style=c.style, overflow="fold")
    for row in zip(*(c.cells for c in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _columns(r: Report, layers: Sequence[LayerReport], bar_width: int, longest: int, macs: bool) -> list[Column]:
    total = sum(v.instructions or 0 for v in layers) or 1.0
    columns = [
        Column("layer", False, [shortened(v.name, longest) for v in layers]),
        Column("operator", False, [v.op for v in layers]),
        Column("output", False, [_output(v, typed=bar_width > 8) for v in layers]),
    ]
    if macs and any(v.macs for v in layers):
        columns.append(Column("MACs", True, [count(v.macs) if v.macs else "" for v in layers]))
    if any(v.instructions is not None for v in layers):
        head = "fuel" if r.instructions_unit == "wasm fuel" else "instructions"
        parts = [(v.instructions or 0) / total for v in layers]
        columns.append(Column(head, True, [count(v.instructions) for v in layers]))
        columns.append(Column("share", False, [f"{bar(p, bar_width)}{p:>5.0%}" for p in parts]))
    if any(v.ms_predicted is not None for v in layers):
        head, style = ("time", "") if r.cycles_exact else ("predicted", "yellow")
        columns.append(Column(head, True, [duration(v.ms_predicted) for v in layers], style))
    return columns


def _output(v: LayerReport, typed: bool) -> str:
    if not v.op:
        return ""
    return shape_text(v.out_shape) + (f" {v.out_dtype}" if typed else "")


def shortened(name: str, longest: int) -> str:
    """A long name without its middle.

    Example:
        >>> shortened("batch_normalization_2/FusedBatchNormV3", 20)
        'batch_norma…chNormV3'
    """
    if len(name) <= longest:
        return name
    end = longest * 2 // 5
    return f"{name[: longest - end - 1]}…{name[-end:]}"


def split(layers: Sequence[LayerReport], most: int = MOST_LAYERS) -> tuple[list[LayerReport], list[LayerReport]]:
    """The largest `most` layers, in order, and the others."""
    if len(layers) <= most:
        return list(layers), []
    by_cost = sorted(range(len(layers)), key=lambda i: -(layers[i].instructions or 0))
    keep = set(by_cost[: most - 1])
    return [v for i, v in enumerate(layers) if i in keep], [v for i, v in enumerate(layers) if i not in keep]


def bar(part: float, width: int) -> str:
    """A bar of eighths of a character.

    Example:
        >>> bar(0.5, 4)
        '██  '
    """
    eighths = round(max(0.0, min(part, 1.0)) * width * 8)
    full, left = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[left] if left else "")).ljust(width)


def compare_layers(reports: Sequence[Report], width: int) -> Table:
    """Instructions of each layer on each board that counts them."""
    counted = [r for r in reports if r.instructions is not None][: max(1, (width - 24) // 14)]
    table = plain_table("Instructions of each layer")
    table.add_column("layer", overflow="fold")
    for r in counted:
        table.add_column(r.board + (" (fuel)" if r.instructions_unit == "wasm fuel" else ""), justify="right")
    columns = [_by_name(r) for r in counted]
    for key in dict.fromkeys(k for column in columns for k in column):
        table.add_row(
            escape(key[0]), *[count(column[key].instructions) if key in column else NONE for column in columns]
        )
    return table


class Rung(Protocol):
    """What `ladder` shows of a comparison; `picozoo.ladder.Rung` has it."""

    name: str
    compared_with: str
    calls: int
    worst: float
    ok: bool
    first_difference: str


def ladder(rungs: Sequence[Rung]) -> Table:
    """The verification ladder, one row per comparison."""
    table = plain_table("Verification ladder")
    for name, right in (
        ("form", False),
        ("compared with", False),
        ("outputs", True),
        ("largest difference", True),
        ("", False),
    ):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for v in rungs:
        verdict = Text("equal", style="green") if v.ok else Text(v.first_difference or "differs", style="bold red")
        table.add_row(escape(v.name), v.compared_with, count(v.calls), f"{v.worst:.3g}" if v.calls else NONE, verdict)
    return table


def _by_name(r: Report) -> dict[tuple[str, int], LayerReport]:
    """Layers shown in a profile by name and, where loops repeat a name, how many of that name came before."""
    found: dict[tuple[str, int], LayerReport] = {}
    for v in split(main_layers(r))[0]:
        found[v.name, sum(name == v.name for name, _ in found)] = v
    return found


__all__ = ["Failed", "bar", "compare_layers", "heading", "ladder", "plain_table", "profile", "show", "split", "summary"]
