"""`picozoo bisect`: which layer computes something else on the board than it should."""

from __future__ import annotations

import click

from picozoo.cli import _common, _screen
from picozoo.errors import MissingTool


@click.command(cls=_common.Command, short_help="Name the first layer that differs between the board and the reference.")
@_common.network_argument
@click.option("-b", "--board", required=True, metavar="B", help="The board; see 'picozoo boards'.")
@_common.compile_options
@_common.model_options
@click.option(
    "--input",
    "given",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Compare on this call of the main function. [default: a dozen calls of every function]",
)
@_common.json_option("the first difference")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str,
    board: str,
    precision: str,
    method: str,
    prefer: str,
    toolchain: str,
    io: str,
    model: _common.Model,
    given: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run the layers of a network one at a time on a board, and name the first whose output is not what the reference
    gives: its operator, its place in your source, what was expected and what came.

    Exits with 1 if a layer differs. 'picozoo run --check' compares whole functions on several boards.
    """
    import dataclasses

    from picozoo import emulate, ladder
    from picozoo.cli import _arrays
    from picozoo.compiler import compile_network, get_board

    (name,) = _common.board_names(board) if board != "all" and "," not in board else ("",)
    if not name:
        raise click.UsageError("--board takes one board here", click.get_current_context())
    options = model.options(precision, method, prefer, toolchain, io)
    fw = compile_network(model.load(network), get_board(name), options)
    missing = emulate.available(fw.board)
    if missing:
        raise MissingTool(missing)
    inputs = _arrays.read(given, fw.model.entries[fw.program.main.name].inputs) if given else None
    fw.check_fits()
    finding = ladder.bisect(fw, inputs)
    if as_json:
        _screen.print_json(
            {
                "name": fw.network.name,
                "board": name,
                "first_difference": dataclasses.asdict(finding) if finding else None,
            }
        )
    elif finding is None:
        print(f"{fw.network.name} on {fw.board.title}: every layer gives what the reference gives.")
    else:
        print(finding.sentence)
    return 1 if finding else 0
