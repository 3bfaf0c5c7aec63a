"""`picozoo run`: compile, run on the board, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from picozoo.cli import _common, _screen
from picozoo.errors import DoesNotFit, MissingTool, PicozooError, UsageError

if TYPE_CHECKING:
    from picozoo.compiler import Firmware, Options
    from picozoo.network import Network
    from picozoo.report.data import Report
    from picozoo.report.table import Failed

SAMPLES = 200
LOOP_SAMPLES = 24  # of networks that run until they are at rest: each call costs a hundred ordinary ones


@click.command(cls=_common.Command, short_help="Compile a network, run it on a board, report what it costs.")
@_common.network_argument
@click.option(
    "-b",
    "--board",
    "boards",
    multiple=True,
    metavar="B[,B2…]",
    help="Boards, or 'all'; see 'picozoo boards'. [default: the one a network of the zoo is shown on]",
)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(0),
    default=None,
    metavar="N",
    help=f"Held-out calls to make. [default: {SAMPLES}; {LOOP_SAMPLES} for networks that loop until at rest]",
)
@_common.compile_options
@_common.model_options
@_common.learn_options
@click.option(
    "--check", is_flag=True, help="Also climb the verification ladder: PyTorch, interpreter, host C, each board."
)
@click.option(
    "--input",
    "given",
    multiple=True,
    metavar="[NAME=]FILE",
    help="One call with this input: .npy, or raw little-endian bytes.",
)
@click.option(
    "--output",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --input: where to write what the board computed (.npy or raw).",
)
@click.option("--function", default="", help="With --input: which function. [default: the main one]")
@click.option("--real", is_flag=True, help="With --input: write real numbers instead of the board's own integers.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where to write the report as a page.",
)
@click.option("--no-html", is_flag=True, help="Write no page.")
@_common.json_option("a list of reports, one per board,")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str,
    boards: tuple[str, ...],
    samples: int | None,
    precision: str,
    method: str,
    prefer: str,
    toolchain: str,
    io: str,
    model: _common.Model,
    check: bool,
    given: tuple[str, ...],
    out: Path | None,
    function: str,
    real: bool,
    page: Path,
    no_html: bool,
    as_json: bool,
) -> int:
    """Compile a network for one or more boards, run it there on held-out data, and report how well it does, flash,
    RAM, instructions, predicted time and energy, and a profile of its layers.

    NAME is a network of the zoo ('lenet5', or with a size 'hopfield:tiny'), FILE a model file (.pz, .tflite, .onnx,
    .pt2, .skops). Boards are emulated; 'picozoo boards' says which emulators are here. With --input it makes one call
    with your data instead.

    \b
    picozoo run hopfield
    picozoo run lenet5 --board nano33ble
    picozoo run perceptron --board uno,pico,host --samples 50
    picozoo run lenet5 --board pico --input digit.npy --output logits.npy
    """
    names = _common.board_names(boards) if boards else [_own_board(model.load(network), network)]
    options = model.options(precision, method, prefer, toolchain, io)
    if given or out is not None or function or real:
        return _one_call(model, network, names, options, given, out, function, real, as_json)
    net = model.load(network)
    command = _command(network, names, samples, options, model)
    with _screen.progress("") as tell:
        rows = [
            _report(
                net,
                name,
                options,
                samples,
                _screen.scaled(tell, i / len(names), (i + 1) / len(names), f"{name}: "),
                show=i == 0 and samples != 0,
            )
            for i, name in enumerate(names)
        ]
    rungs = _ladder(net, names, options) if check else []
    written = None if no_html else _write_page(rows, page, command)
    if as_json:
        _screen.print_json([_plain(row, rungs, check) for row in rows])
    else:
        _show(rows, rungs, written)
    failed = [r for r in rows if not hasattr(r, "accuracy")]
    return 1 if failed or any(not rung.ok for rung in rungs) else 0


def _own_board(net: Network, asked: str) -> str:
    """The board that the network's card shows it on.

    Raises:
        UsageError: it is not of the zoo.
    """
    if net.card is None:
        raise UsageError(f"{asked} needs --board B. 'picozoo fit {asked}' tells where it fits and how fast it would be")
    board: str = net.card.board[net.size]
    return board


def _report(
    net: Network, board: str, options: Options, samples: int | None, tell: _screen.Progress, show: bool
) -> Report | Failed:
    """One board; what keeps it from running becomes a row with the reason, so that the others still run."""
    from picozoo.compiler import compile_network, get_board
    from picozoo.evaluate import evaluate
    from picozoo.report.table import Failed

    try:
        fw = compile_network(net, get_board(board), options)
        return evaluate(fw, samples=default_samples(fw) if samples is None else samples, progress=tell, show=show)
    except UsageError:
        raise
    except PicozooError as e:
        return Failed(net.name, board, str(e))


def default_samples(fw: Firmware) -> int:
    """How many calls to make unless the user says."""
    loops = any(node.op == "while_loop" for f in fw.program.functions.values() for node in f.nodes)
    return LOOP_SAMPLES if loops else SAMPLES


def _ladder(net: Network, names: list[str], options: Options) -> list[Any]:
    from picozoo import ladder

    with _screen.progress("checking") as tell:
        return list(ladder.check(net, names, options, tell))


def _write_page(rows: list[Report | Failed], path: Path, command: str) -> Path | None:
    from picozoo.artefact import write_atomically
    from picozoo.report import html
    from picozoo.report.data import Report

    reports = [r for r in rows if isinstance(r, Report)]
    if not reports:
        return None
    write_atomically(path, html.page(reports, command=command).encode())
    return path


def _plain(row: Report | Failed, rungs: list[Any], checked: bool) -> dict[str, Any]:
    import dataclasses

    from picozoo.report.data import Report

    found: dict[str, Any] = (
        row.to_json() if isinstance(row, Report) else {"name": row.name, "board": row.board, "error": row.reason}
    )
    if checked:
        found["check"] = [dataclasses.asdict(rung) for rung in rungs]
    return found


def _show(rows: list[Report | Failed], rungs: list[Any], written: Path | None) -> None:
    from picozoo.report import table

    console = _screen.console()
    table.show(console, rows)
    if rungs:
        console.print(table.ladder(rungs))
    if written is not None:
        console.print(
            f"Page with all figures, the memory map and how each number was obtained: {written}",
            soft_wrap=True,
            markup=False,
        )


def _command(network: str, names: list[str], samples: int | None, options: Options, model: _common.Model) -> str:
    """The command that gives this report again."""
    from picozoo.compiler import Options as Defaults

    words = ["picozoo", "run", network, "--board", ",".join(names)]
    words += ["--samples", str(samples)] if samples is not None else []
    default = Defaults()
    for name in ("precision", "method", "prefer", "toolchain", "io"):
        if getattr(options, name) != getattr(default, name):
            words += [f"--{name}", getattr(options, name)]
    import shlex

    return shlex.join([*words, *model.words()])


def _one_call(
    model: _common.Model,
    network: str,
    names: list[str],
    options: Options,
    given: tuple[str, ...],
    out: Path | None,
    function: str,
    real: bool,
    as_json: bool,
) -> int:
    """--input: one inference from a fresh state on one board."""
    from picozoo import emulate
    from picozoo.cli import _arrays
    from picozoo.compiler import compile_network, from_slot, get_board
    from picozoo.find import unknown

    if not given:
        raise UsageError("--output, --function and --real need --input FILE")
    if len(names) != 1:
        raise UsageError(f"--input runs on one board, got {', '.join(names)}")
    fw = compile_network(model.load(network), get_board(names[0]), options)
    name = function or fw.program.main.name
    if name not in fw.model.entries:
        raise UsageError(unknown("function", name, list(fw.model.entries)))
    entry = fw.model.entries[name]
    arrays = _arrays.read(given, entry.inputs, fw.network.program.meta if name == fw.program.main.name else None)
    missing = emulate.available(fw.board)
    if missing:
        raise MissingTool(missing)
    fw.check_fits()
    with fw.session() as s:
        raw = s.call(name, *arrays)
        stack = s.machine.stack_bytes() or 0
    try:
        fw.check_fits(stack)
    except DoesNotFit as e:  # it did run: the emulator has more memory than the board
        raise DoesNotFit(f"{e} Nothing was written") from None
    results = [from_slot(y, slot) if real else y for y, slot in zip(raw, entry.outputs, strict=True)]
    if out is not None:
        _arrays.write(out, results)
    described = _arrays.describe(entry.outputs, raw, real)
    if as_json:
        _screen.print_json(
            [
                {
                    "name": fw.network.name,
                    "board": names[0],
                    "function": name,
                    "precision": fw.precision,
                    "outputs": described,
                }
            ]
        )
    else:
        for d in described:
            print(
                f"{d['name']}: {d['dtype']}{d['shape']} = {_arrays.brief(d['values'])}"
                + (f", real = {d['scale']:g} * (q - {d['zero_point']})" if d.get("scale") and not real else "")
            )
        if out is not None:
            print(f"written to {out}")
    return 0
