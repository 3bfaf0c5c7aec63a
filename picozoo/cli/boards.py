"""`picozoo boards`: what networks can be put on."""

from __future__ import annotations

from typing import Any

import click

from picozoo.cli import _common, _screen


@click.command(cls=_common.Command, short_help="The boards, and whether their emulators are here.")
@_common.json_option("the boards")
def COMMAND(as_json: bool) -> int:  # noqa: N802 - the name by which the command line finds it
    """List the boards: chip, core, flash, RAM, clock, energy per core cycle, and whether a network can run on it here.
    Where it cannot, the sentence says exactly what to install. Any board can be compiled for."""
    rows = _boards()
    if as_json:
        _screen.print_json(rows)
        return 0
    console = _screen.console()
    console.print(_table(rows, console.width))
    for r in rows:
        if r["needs"]:
            console.print(f"{r['name']}: {r['needs']}", soft_wrap=True, markup=False)
    return 0


def _boards() -> list[dict[str, Any]]:
    """One entry per board, smallest RAM first."""
    from picozoo import emulate, find

    rows = []
    for name in find.names("boards"):
        b = find.load("boards", name, "board").BOARD
        e = b.energy
        rows.append(
            {
                "name": name,
                "title": b.title,
                "chip": b.chip,
                "core": b.core.title,
                "flash": b.flash,
                "ram": b.ram,
                "clock_hz": b.clock_hz,
                "pj_per_cycle": e.pj_per_cycle if e else None,
                "pj_low": e.low if e else None,
                "pj_high": e.high if e else None,
                "energy_source": e.source if e else "",
                "cycles_error": b.core.cycles.error if b.core.cycles else None,
                "cycles_exact": bool(b.core.cycles and b.core.cycles.exact),
                "emulator": b.emulator,
                "needs": emulate.available(b),
                "notes": b.notes,
            }
        )
    return sorted(rows, key=lambda r: (r["ram"] is None, r["ram"] or 0, r["name"]))


def _table(rows: list[dict[str, Any]], width: int) -> Any:
    from rich.text import Text

    from picozoo.report.figures import NONE, size_short, three
    from picozoo.report.table import plain_table

    table = plain_table("")
    wide = width >= 99
    for name, right in (
        ("board", False),
        ("chip", False),
        ("core", False),
        ("flash", True),
        ("RAM", True),
        ("clock", True),
        ("pJ/cycle", True),
        ("here", False),
    ):
        if name != "chip" or wide:
            table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for r in rows:
        table.add_row(
            Text(r["name"], style="bold"),
            *([r["chip"]] if wide else []),
            r["core"],
            size_short(r["flash"]),
            size_short(r["ram"]),
            f"{three(r['clock_hz'] / 1e6)} MHz" if r["clock_hz"] else NONE,
            three(r["pj_per_cycle"]) if r["pj_per_cycle"] else NONE,
            Text("not here", style="yellow") if r["needs"] else Text(r["emulator"], style="green"),
        )
    return table
