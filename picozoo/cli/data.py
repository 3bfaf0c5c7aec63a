"""`picozoo data`: the data sets."""

from __future__ import annotations

from typing import Any

import click

from picozoo.cli import _common, _screen


@click.group(short_help="List the data sets, or fetch one.")
def COMMAND() -> None:  # noqa: N802 - the name by which the command line finds it
    """The data sets that networks are trained and judged on.

    They are read from the folder in PICOZOO_DATA if that is set, else from your cache, which 'get' fills.
    """


@COMMAND.command("list", cls=_common.Command, short_help="The data sets, and which are here.")
@_common.json_option("the data sets")
def list_(as_json: bool) -> int:
    """List the data sets: what they are, examples, licence, and whether they are here."""
    from picozoo import data

    rows = []
    for name in data.names():
        i = data.info(name)
        no_address = (
            f"it has no address to fetch it from; set PICOZOO_DATA to a folder that holds {i.folder}/ (see {i.home[0]})"
        )
        needs = f"run: {i.needs[1]}" if i.needs else "" if any(f.urls for f in i.files) else no_address
        rows.append(
            {
                "name": name,
                "title": i.title,
                "licence": i.licence,
                "home": list(i.home),
                "sizes": i.sizes,
                "classes": list(i.classes),
                "bytes": sum(f.nbytes for f in i.files),
                "available": data.available(name),
                "how": "" if data.available(name) else needs or f"run 'picozoo data get {name}'",
                "note": i.note,
            }
        )
    if as_json:
        _screen.print_json(rows)
        return 0
    from rich.markup import escape
    from rich.text import Text

    from picozoo.report.table import plain_table

    console = _screen.console()
    table = plain_table("")
    for head in ("data set", "train", "test", "here", "what it is"):
        table.add_column(head, justify="right" if head in ("train", "test") else "left", no_wrap=head != "what it is")
    for r in rows:
        here = Text("yes", style="green") if r["available"] else Text("no", style="yellow")
        sizes: Any = r["sizes"]
        table.add_row(
            Text(str(r["name"]), style="bold"),
            *(f"{sizes[k]:,}" if k in sizes else "" for k in ("train", "test")),
            here,
            escape(f"{r['title']}. Licence: {r['licence']}"),
        )
    console.print(table)
    for r in rows:
        if r["how"]:
            console.print(f"{r['name']}: {r['how']}", soft_wrap=True, markup=False)
    return 0


@COMMAND.command("get", cls=_common.Command, short_help="Fetch a data set from its own home.")
@click.argument("name")
def get(name: str) -> int:
    """Fetch a data set from its own home into your cache, and check that it is the right one.

    Files that are there already are not fetched again. With PICOZOO_DATA=DIR a mirror is read instead.
    """
    from picozoo import data
    from picozoo.report.figures import size_short

    with _screen.progress("fetching") as tell:

        def heard(done: int, total: int | None, file: str) -> None:
            tell(
                done / total if total else 0.0,
                f"{file}: {size_short(done)}" + (f" of {size_short(total)}" if total else ""),
            )

        folder = data.get(name, heard)
    print(f"{name} is in {folder}" if folder else f"{name} needs no download: {data.info(name).title}")
    return 0
