"""`picozoo show`: one network, its card and its layers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from picozoo.cli import _common, _screen
from picozoo.errors import UsageError, printable

if TYPE_CHECKING:
    from picozoo.compiler import Options
    from picozoo.ir.program import Function, Node, Program
    from picozoo.network import Network
    from picozoo.zoo._card import Card


@click.command(cls=_common.Command, short_help="One network: its card, its layers, its program, its C.")
@_common.network_argument
@click.option(
    "--ir", "ir", is_flag=True, help="Print the program as text; with --board as it is compiled for that board."
)
@click.option("--c", "c", is_flag=True, help="Print the generated C; needs --board.")
@click.option("-b", "--board", default="", metavar="B", help="For --ir and --c.")
@_common.compile_options
@_common.model_options
@_common.json_option("the card and the functions")
def COMMAND(  # noqa: N802 - the name by which the command line finds it
    network: str,
    ir: bool,
    c: bool,
    board: str,
    precision: str,
    method: str,
    prefer: str,
    toolchain: str,
    io: str,
    model: _common.Model,
    as_json: bool,
) -> int:
    """Show what a network is, where it comes from, how this form differs from the paper's, and its layers."""
    if c and not board:
        raise UsageError("--c needs --board B: the C differs from core to core. See 'picozoo boards'")
    if sum((ir, c, as_json)) > 1:
        raise UsageError("--ir, --c and --json exclude each other")
    net = model.load(network)
    if ir or c:
        print(
            _text(
                net,
                c,
                board,
                model.options(precision, method, prefer, toolchain, io),
            ),
            end="",
        )
    elif as_json:
        _screen.print_json(_plain(net))
    else:
        _card(net)
    return 0


def _text(net: Network, c: bool, board: str, options: Options) -> str:
    from picozoo.compiler import compile_network, get_board
    from picozoo.ir.text import print_program

    if not board:
        return print_program(net.program)
    (name,) = _common.board_names(board)[:1]
    fw = compile_network(net, get_board(name), options)
    return "\n".join(fw.model.files.values()) if c else print_program(fw.program)


def parameters(program: Program) -> tuple[int, int]:
    """How many numbers the constants and the kept state hold."""
    return sum(a.size for a in program.constants.values()), sum(a.size for a in program.states.values())


def _plain(net: Network) -> dict[str, Any]:
    import dataclasses

    p, (constants, state) = net.program, parameters(net.program)
    return {
        "name": net.name,
        "size": net.size,
        "file": str(net.path),
        "constants": constants,
        "state": state,
        "main": p.main.name,
        "functions": [
            {
                "name": f.name,
                "inputs": [
                    {"name": r[1:], "dtype": f.types[r].dtype, "shape": list(f.types[r].shape)} for r in f.params
                ],
                "outputs": [{"dtype": p.type_of(f, r).dtype, "shape": list(p.type_of(f, r).shape)} for r in f.results],
                "layers": [
                    {"name": n.name, "op": n.op, "shape": list(f.types[n.outputs[0]].shape), "source": n.source}
                    for n in f.nodes
                ],
            }
            for f in p.public()
        ],
        "card": dataclasses.asdict(net.card) if net.card else None,
    }


def _card(net: Network) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from picozoo.passes import pipeline
    from picozoo.specs import Target

    console = _screen.console()
    card, (constants, state) = net.card, parameters(net.program)
    size = "" if net.size == "default" else f" ({net.size})"
    console.print(
        Text.assemble((f"{card.title if card else net.name}{size}", "bold"), f" · {card.year}" if card else "")
    )
    if card:
        console.print(Padding(Text(f"{card.authors}: {card.paper}", style="dim"), (0, 0, 1, 0)))
        for text in (card.task, card.introduced, card.why_it_mattered):
            console.print(text, markup=False)
        console.print(Text("\nDiffers from the paper", style="bold"))
        console.print(_grid([("  ·", text) for text in card.differs_from_paper]))
    console.print()
    # without the changes of layout that PyTorch's form needs, and with activations joined to their layers
    program = pipeline.run(net.program, pipeline.FLOAT, Target())
    for f in program.public():
        console.print(picture(program, f))
        console.print()
    console.print(_grid(_facts(net, constants, state)))


def _grid(rows: list[tuple[str, str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    for label, text in rows:
        grid.add_row(label, Text(text))
    return grid


def _facts(net: Network, constants: int, state: int) -> list[tuple[str, str]]:
    from picozoo.report.figures import score

    card = net.card
    rows = [("numbers", f"{constants:,} constants" + (f", {state:,} of kept state" if state else ""))]
    if card:
        rows += [
            ("measures", f"{card.metric_name}: {card.metric}"),
            ("aims at", f"{score(card.target, card.metric_unit)}, {card.metric_better} is better"),
            ("reached", _reached(card)),
            ("data", f"{', '.join(card.data)} ({card.data_licence})"),
            ("boards", ", ".join(dict.fromkeys((card.board[net.size], *card.boards)))),
            ("more", ", ".join(card.references)),
        ]
        name = net.name if net.size == "default" else f"{net.name}:{net.size}"
        rows.append(("try", f"picozoo run {name} --board {card.board[net.size]}"))
    elif net.path:
        rows.append(("file", printable(str(net.path))))
    if net.program.period > 1:
        rows.append(("runs", f"everything in every {net.program.period}th call; the last output says whether it did"))
    return rows + _travels(net.program.meta)


def _reached(card: Card, most: int = 4) -> str:
    """Its first figures; the very first is that of its metric."""
    from picozoo.report.figures import score, share

    found = []
    for k, (name, value) in enumerate(list(card.results.items())[:most]):
        text = share(value, 2) if "accuracy" in name or "recall" in name else f"{value:g}"
        found.append(f"{card.metric_name} {score(value, card.metric_unit, 2)}" if k == 0 else f"{name} {text}")
    return ", ".join(found).replace("_", " ") or "not measured yet"


def _travels(meta: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the model's own file says about its use."""
    rows = [("says", printable(meta["about"]))] if "about" in meta else []
    for k, step in enumerate(json.loads(meta.get("preprocessing", "[]"))):
        if step:
            mean, std = (", ".join(f"{v:g}" for v in step[n]) for n in ("mean", "std"))
            rows.append(
                ("takes", f"input {k + 1}: (value - {mean}) / {std}; picozoo run does it with .npy files of uint8")
            )
    named = meta["classes"].split(", ") if "classes" in meta else []
    labels = json.loads(meta["labels"]) if "labels" in meta else named
    if labels:
        rows.append(
            ("gives", f"{len(labels)} labels: {printable(', '.join(labels[:8]))}{' ...' if len(labels) > 8 else ''}")
        )
    return rows


# Cells in the manner of the well-known "neural network zoo" pictures: one sign for each kind of layer.
SIGNS = {
    **dict.fromkeys(("conv2d", "wide_conv2d", "hybrid_conv2d", "conv3d", "conv_transpose"), "▦"),
    "linear": "●",
    **dict.fromkeys(("lstm", "lstm_cell", "lstm_sequence", "gru", "rnn", "svdf"), "◉"),
    "matmul": "●",
    "max_pool2d": "▽",
    "avg_pool2d": "▽",
    "mean": "▽",
    "softmax": "◆",
    "relu": "╱",
    "tanh": "∿",
    "sigmoid": "∿",
    "while_loop": "↻",
    "gather": "⑂",
    "addr": "⊗",
}


def picture(program: Program, f: Function) -> Any:
    """The layers of a function from top to bottom: sign, name, operator, output shape, numbers it holds."""
    from rich.text import Text

    from picozoo.report.figures import shape_text
    from picozoo.report.table import plain_table

    table = plain_table(f"{f.name}({', '.join(p[1:] for p in f.params)})")
    for head, right in (("", False), ("layer", False), ("operator", False), ("gives", False), ("numbers", True)):
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for p in f.params:
        table.add_row(
            Text("○", style="yellow"), p[1:], "input", f"{shape_text(f.types[p].shape)} {f.types[p].dtype}", ""
        )
    for n, owner, depth in _walk(program, f):
        t = owner.types[n.outputs[0]]
        held = sum(program.type_of(owner, r).size for r in dict.fromkeys(n.inputs) if r[0] in "@$")
        style = "red" if depth == 0 and n.outputs[0] in f.results else "green"
        act = getattr(n.attrs, "act", "none")
        table.add_row(
            Text(SIGNS.get(n.op, "·"), style=style),
            "│ " * depth + n.name,
            n.op + (f" + {act}" if act not in ("none", "") else ""),
            f"{shape_text(t.shape)} {t.dtype}",
            f"{held:,}" if held else "",
        )
    for state, _ in f.updates.items():
        table.add_row(
            Text("◍", style="blue"),
            state[1:],
            "kept state",
            f"{shape_text(program.state_types[state].shape)} {program.state_types[state].dtype}",
            "",
        )
    return table


def _walk(program: Program, f: Function, depth: int = 0) -> Iterator[tuple[Node, Function, int]]:
    """All nodes of a function and of the regions of its loops, with how deep they lie."""
    for n in f.nodes:
        yield n, f, depth
        if n.op == "while_loop":
            for region in (n.attrs.cond, n.attrs.body):
                yield from _walk(program, program.functions[region], depth + 1)
