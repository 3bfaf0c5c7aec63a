"""`picozoo list`: the networks of the zoo."""

from __future__ import annotations

from typing import Any

import click

from picozoo.cli import _common, _screen


@click.command(cls=_common.Command, short_help="The networks of the zoo.")
@click.option("--family", default="", metavar="WORD", help="Only families that hold this word.")
@_common.json_option("the networks")
def COMMAND(family: str, as_json: bool) -> int:  # noqa: N802 - the name by which the command line finds it
    """List the networks of the zoo by family and year: what they do, the size of their trained artefact, the board
    they are shown on, and the figure they reach."""
    rows = [r for r in _networks() if family.lower() in r["family"].lower()]
    if as_json:
        _screen.print_json(rows)
    elif not rows:
        print(f"No family holds {family!r}. 'picozoo list' shows them all.")
    else:
        console = _screen.console()
        console.print(_table(rows, wide=console.width >= 99))
    return 0


def _networks() -> list[dict[str, Any]]:
    """One entry per network, by family (oldest first) and year."""
    from picozoo import find
    from picozoo.network import artefact_path

    rows = []
    for name in find.names("zoo"):
        card = find.load("zoo", name, "network").CARD
        files = {size: artefact_path(name, size) for size in card.sizes}
        rows.append(
            {
                "name": name,
                "title": card.title,
                "family": card.family,
                "year": card.year,
                "task": card.task,
                "precision": card.precision,
                "functions": list(card.functions),
                "streaming": card.streaming,
                "learns": card.learns,
                "sizes": [
                    {"size": s, "bytes": f.stat().st_size if f.is_file() else None, "board": card.board[s]}
                    for s, f in files.items()
                ],
                "boards": sorted({*card.board.values(), *card.boards}),
                "metric": card.metric,
                "metric_name": card.metric_name,
                "metric_unit": card.metric_unit,
                "metric_better": card.metric_better,
                "target": card.target,
                "results": card.results,
            }
        )
    oldest: dict[str, int] = {}
    for r in rows:
        oldest[r["family"]] = min(oldest.get(r["family"], r["year"]), r["year"])
    return sorted(rows, key=lambda r: (oldest[r["family"]], r["family"], r["year"], r["name"]))


def _table(rows: list[dict[str, Any]], wide: bool) -> Any:
    from rich.markup import escape
    from rich.text import Text

    from picozoo.report.figures import NONE, score, size_short
    from picozoo.report.table import plain_table

    table = plain_table("")
    for name, right in (
        ("network", False),
        ("year", True),
        ("size", True),
        ("shown on", False),
        ("reaches", True),
        ("what it does" if wide else "what it is", False),
    ):
        table.add_column(name, justify="right" if right else "left", no_wrap=not name.startswith("what"))
    if not wide:
        table.caption, table.caption_justify = "reaches: by the metric that 'picozoo show NAME' names", "left"
    family = ""
    for r in rows:
        if r["family"] != family:
            table.add_row(Text(r["family"], style="bold"))
            family = r["family"]
        figure = next((score(v, r["metric_unit"]) for v in r["results"].values()), "")
        reaches = f"{figure}\n{r['metric_name']}" if figure and wide else figure
        for k, s in enumerate(r["sizes"]):
            name = r["name"] if s["size"] == "default" else f"{r['name']}:{s['size']}"
            words = escape(r["task"] if wide else r["title"]) if k == 0 else ""
            learns = (" Learns on the board." if wide else ", learns") if r["learns"] and k == 0 else ""
            table.add_row(
                f"  {name}",
                str(r["year"]) if k == 0 else "",
                size_short(s["bytes"]) if s["bytes"] else NONE,
                s["board"],
                reaches if k == 0 else "",
                words + learns,
            )
    return table
