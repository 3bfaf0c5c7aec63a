"""Tables of `picozoo bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from picozoo.report.figures import NONE, between, count, duration, energy, three
from picozoo.report.table import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from picozoo.bench.against import Timed
    from picozoo.bench.history import Series

Row = dict[str, Any]


def tables(board: str, rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Time and memory of the models on one board, beside the figures to reach and those of other tools."""
    if not rows:
        return
    from picozoo.bench.models import SOURCES

    at = rows[0]
    yield _time(f"{board} · prefer {at['prefer']} · commit {at['commit'][:8]} · {at['compiler']}", rows)
    yield _memory(rows)
    yield Text(SOURCES, style="dim")


def _bar(row: Row) -> Any:
    from picozoo.bench.models import Bar, choose

    return choose([row["model"]])[0].bars.get(row["board"], Bar())


def _reached(value: float | None, bar: float | None) -> Text:
    if bar is None or value is None:
        return Text(NONE)
    return Text(f"≤{count(bar)}", style="green") if value <= bar else Text(f"≤{count(bar)} MISSED", style="bold red")


def _head(table: Table, *names: str) -> None:
    for i, name in enumerate(names):
        table.add_column(name, justify="right" if i else "left", no_wrap=i == 0)


def _time(title: str, rows: Sequence[Row]) -> Table:
    table = plain_table(title)
    unit = "instructions" if rows[0]["unit"] == "instructions" else rows[0]["unit"]
    _head(
        table, "model", "MACs", unit, "per MAC", "to reach", "TFLM + CMSIS-NN", "cycles, predicted", "closed, published"
    )
    for r in rows:
        bar = _bar(r)
        per = NONE if not r["macs"] or r["instructions"] is None else f"{r['instructions'] / r['macs']:.3f}"
        table.add_row(
            r["model"],
            count(r["macs"]),
            count(r["instructions"]),
            per,
            _reached(r["instructions"], bar.reach.get("instructions")),
            count(bar.open_tool.get("instructions")),
            _cycles(r),
            count(bar.closed_cycles),
        )
    return table


def _cycles(r: Row) -> Text:
    if r["cycles_predicted"] is None:
        return Text(NONE)
    if r["cycles_exact"]:
        return Text(f"{count(r['cycles_predicted'])} exact")
    return Text(f"~{count(r['cycles_predicted'])} ±{r['cycles_error']:.0%}", style="yellow")


def _memory(rows: Sequence[Row]) -> Table:
    table = plain_table("")
    _head(
        table,
        "bytes",
        "code",
        "to reach",
        "TFLM + CMSIS-NN",
        "weights",
        "its model",
        "RAM with stack",
        "to reach",
        "its arena",
    )
    for r in rows:
        bar = _bar(r)
        table.add_row(
            r["model"],
            count(r["code"]),
            _reached(r["code"], bar.reach.get("code")),
            count(bar.open_tool.get("code")),
            count(r["tables"]),
            count(bar.open_tool.get("model")),
            count(r["ram"]),
            _reached(r["ram"], bar.reach.get("ram")),
            count(bar.open_tool.get("ram")),
        )
    return table


def published(boards: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """Predicted time and energy of each board's rows beside measured and published ones."""
    from picozoo import find
    from picozoo.bench import published as theirs
    from picozoo.bench.models import choose

    for board in boards:
        mine = {choose([r["model"]])[0].published: r for r in rows if r["board"] == board}
        mine = {k: r for k, r in mine.items() if k and r["ms_predicted"] is not None}
        found = theirs.read(board)
        if not mine or not found:
            yield Text(f"{board}: nothing published for it, or no prediction")
            continue
        yield _published(board, mine, theirs.best(found))
        b = find.load("boards", board, "board").BOARD
        for row, pj, excess in theirs.residuals(b, found):
            yield Text(
                f"Residual of the energy model: {row.submission}, {row.model}: {pj:.0f} pJ a cycle measured, "
                f"{b.energy.pj_per_cycle:.0f} assumed ({100 * excess:+.1f} %)"
            )
        yield Text(
            "Yellow: predicted by picozoo's model, exact instructions times assumed costs. The others: measured on "
            "boards and published by those named (MLPerf Tiny results), with programs of their own. × is measured over "
            "predicted: it holds the difference of the programs and the error of the model, and cannot tell which.",
            style="dim",
        )


def _published(board: str, mine: dict[str, Row], tools: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    table = plain_table(f"{board}: time and energy of one inference")
    _head(table, "", *[f"{r['model']} {what}" for r in mine.values() for what in ("time", "energy")])
    cells = []
    for r in mine.values():
        cells += [
            Text(f"~{duration(r['ms_predicted'])}\n{between(r['ms_predicted_low'], r['ms_predicted_high'], duration)}"),
            Text(NONE if r["uj_predicted"] is None else f"~{energy(r['uj_predicted'])}"),
        ]
    for cell in cells:
        cell.stylize("yellow")
    table.add_row(Text("predicted by picozoo's model", style="yellow"), *cells)
    table.add_section()
    for tool, found in tools:
        line = []
        for name, r in mine.items():
            them = found.get(name)
            line += [
                _beside(them.ms if them else None, r["ms_predicted"], duration),
                _beside(them.uj if them else None, r["uj_predicted"], energy),
            ]
        newest = max(row.round for row in found.values())
        table.add_row(f"{tool} ({newest})", *line)
    return table


def _beside(theirs: float | None, ours: float | None, words: Callable[[float | None], str]) -> str:
    if theirs is None:
        return NONE
    return words(theirs) + (f" ×{three(theirs / ours)}" if ours else "")


def against(names: Sequence[str], rows: Sequence[Timed]) -> Table:
    """Microseconds a call on this machine."""
    table = plain_table("On this machine, one thread: median time of a call (lowest to highest of the turns)")
    _head(table, "model", "picozoo", *names)
    for r in rows:
        cells = []
        for name in ("picozoo", *names):
            if name not in r.us:
                cells.append(Text(NONE))
                continue
            low, high = r.spread[name]
            ratio = "" if name == "picozoo" else f" ×{three(r.us[name] / r.us['picozoo'])}"
            style = "red" if name in r.slower_than else ""
            cells.append(Text(f"{three(r.us[name])} µs{ratio} ({three(low)} to {three(high)})", style=style))
        table.add_row(f"{r.model} {r.precision}", *cells)
    return table


def verdicts(rows: Sequence[Timed]) -> Iterator[str]:
    """Where picozoo is not the fastest, how far outputs differ, and what could not be compared."""
    slow = [(r, name) for r in rows for name in r.slower_than]
    for r, name in slow:
        share = three(r.us[name] / r.us["picozoo"])
        yield f"picozoo is not faster: {r.model} {r.precision}: {name} takes {share} of its time"
    if rows and not slow:
        yield "picozoo is the fastest in every row."
    for r in rows:
        for name, worst in r.differs.items():
            if worst > (0 if r.precision == "int8" else 1e-4):
                yield f"{r.model} {r.precision}: outputs of {name} differ by up to {three(worst)}"
        for name, why in r.missing.items():
            yield f"{r.model} {r.precision}: not compared with {name}: {why}"


def history(found: Sequence[Series]) -> Table:
    """One row a figure: from the first commit to the newest."""
    from picozoo.bench.history import sparkline

    table = plain_table("Figures from commit to commit")
    for i, name in enumerate(("where", "model", "figure", "first", "best", "now", "")):
        table.add_column(name, justify="right" if 3 <= i <= 5 else "left", overflow="fold")
    for s in found:
        numbers = [three(v) if s.group == "figures" else count(v) for v in (s.values[0], min(s.values), s.values[-1])]
        table.add_row(s.group, s.name, s.unit, *numbers, sparkline(s.values[-24:]))
    return table
