"""`picozoo fit`: will it fit, and how fast, on every board at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from picozoo.cli import _common, _screen

if TYPE_CHECKING:
    from picozoo.fit import Fit


@click.command(cls=_common.Command, short_help="Will it fit, and how fast, on every board at once.")
@_common.network_argument
@click.option("-b", "--board", "boards", multiple=True, metavar="B[,B2…]", help="Only these boards. [default: all]")
@_common.compile_options
@_common.model_options
@_common.learn_options
@_common.json_option("one object per board")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str,
    boards: tuple[str, ...],
    precision: str,
    method: str,
    prefer: str,
    toolchain: str,
    io: str,
    model: _common.Model,
    as_json: bool,
) -> int:
    """Say for every board whether a network fits and how fast it would be, without running any data.

    Flash and RAM are exact: planned, and really linked for each board. Stack and instructions come from one emulated
    run per kind of core; time and energy are predicted from them, with the range that the models' errors leave.
    """
    import dataclasses

    from picozoo.fit import fit

    names = _common.board_names(boards) if boards else []
    net, options = model.load(network), model.options(precision, method, prefer, toolchain, io)
    with _screen.progress("") as tell:
        rows = fit(net, options, boards=names, progress=tell)
    if as_json:
        _screen.print_json([dataclasses.asdict(row) for row in rows])
    else:
        _show(net.card.title if net.card else net.name, rows)
    return 0


def _show(title: str, rows: list[Fit]) -> None:
    from rich.text import Text

    console = _screen.console()
    precisions = ", ".join(sorted({r.precision for r in rows}))
    console.print(_table(f"{title} · {precisions}", rows, console.width))
    peaks = {(r.peak_function, r.peak_layer): r for r in rows if r.peak_layer}
    for (function, layer), r in peaks.items():
        where = (
            ""
            if len(peaks) == 1
            else f" on {', '.join(x.board for x in rows if (x.peak_function, x.peak_layer) == (function, layer))}"
        )
        console.print(
            f"Working memory is fullest in {function} at layer {layer}{where}: {r.peak_bytes:,} B.", markup=False
        )
    for r in rows:
        if short := " and ".join(
            f"{n:,} B of {what}" for n, what in ((r.flash_short, "flash"), (r.ram_short, "RAM")) if n
        ):
            console.print(Text.assemble((f"{r.board}: ", "bold red"), f"{short} too many."))
    notes: dict[str, list[str]] = {}
    for r in rows:
        if r.note and not (r.flash_short or r.ram_short):
            notes.setdefault(r.note, []).append(r.board)
    for note, names in notes.items():
        console.print(f"{', '.join(names)}: {note}", markup=False)


def _table(title: str, rows: list[Fit], width: int) -> Any:
    from rich.text import Text

    from picozoo.report.figures import between, duration, energy, size
    from picozoo.report.table import plain_table

    wide, full = width >= 88, width >= 112
    table = plain_table(title)
    columns = [
        "board",
        "fits",
        "flash",
        "RAM",
        *(["stack", "instructions"] if full else []),
        "time",
        *(["between"] if wide else []),
        "energy",
    ]
    for name in columns:
        table.add_column(
            name,
            justify="left" if name in ("board", "fits") else "right",
            no_wrap=True,
            style="yellow" if name in ("time", "between", "energy") else "",
        )
    for r in rows:
        verdict = Text("yes", style="green") if r.fits else Text("no", style="bold red")
        mark = "" if r.cycles_exact or r.ms is None else "~"
        cells = [
            size(r.flash),
            size(r.ram),
            *([size(r.ram_stack), counted(r)] if full else []),
            mark + duration(r.ms),
            *([between(r.ms_low, r.ms_high, duration)] if wide else []),
            ("~" if r.uj is not None else "") + energy(r.uj),
        ]
        table.add_row(Text(r.board, style="bold"), verdict, *cells)
    if any(r.ms is not None for r in rows):
        table.caption = "~ predicted" + (
            ", within the range beside it" if wide else "; a wider terminal and --json show the range"
        )
        table.caption_justify = "left"
    return table


def counted(r: Fit) -> str:
    """Instructions, or what the emulator counts in their place."""
    from picozoo.report.figures import count

    return count(r.instructions) + (" fuel" if r.instructions_unit != "instructions" else "")
