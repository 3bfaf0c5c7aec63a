"""Pages that are generated whole: operators, boards, the JSON schema, the command line, one page a network."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from docs_onnx import onnx_page
from docs_tflite import tflite
from docs_weights import weights
from docs_zoo import zoo_pages

from picozoo import find, ops
from picozoo.ops._op import Op
from picozoo.specs import Board, Core

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by tools/docs.py from {source}. Do not edit: run 'make docs'. -->\n\n"
EMULATORS = {
    "host": "none: it is this machine",
    "unicorn": "Unicorn, comes with picozoo",
    "simavr": "simavr: `apt install simavr libsimavr-dev`",
    "qemu": "QEMU: `apt install qemu-system-arm`",
    "wasmtime": "Wasmtime: `pip install 'picozoo[wasm]'`",
}
QUANT = {
    "none": "–",
    "free": "yes, output has a range of its own",
    "same": "yes, output keeps the input's parameters",
    "fixed": "yes, output has fixed parameters",
    "follow": "where its inputs are int8",
}


def pages() -> dict[str, str]:
    """Path below the repository -> text."""
    return {
        "docs/operators.md": operators(),
        "docs/tflite.md": tflite(ROOT, MADE, table),
        "docs/boards.md": boards(),
        "docs/json.md": json_schema(),
        "docs/cli.md": command_line(),
        "docs/onnx.md": onnx_page(),
        "docs/weights.md": weights(),
        **zoo_pages(),
    }


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows)]) + "\n"


# -- operators ----------------------------------------------------------------
def operators() -> str:
    """docs/operators.md."""
    rows = [_operator(name) for name in ops.names()]
    return (
        MADE.format(source="picozoo/ops")
        + "# Operators\n\n"
        + f"{len(rows)} operators; one file each in `picozoo/ops`, named after it, its C beside it in `picozoo/kernels`.\n"
        "`PyTorch` names are ATen's, as `torch.export` gives them. In an int8 network an operator without an int8 form\n"
        "stays in float32 between quantise/dequantise pairs; the rest of the network is integers. TFLite operators that\n"
        f"become several of these: {_composites()}. What ONNX files may have beside\n"
        "these is in [onnx.md](onnx.md).\n\n"
        + table(("operator", "what it gives", "PyTorch", "TFLite", "ONNX", "element types", "int8 form"), rows)
        + _torch()
        + _forms()
        + _estimators()
    )


def _torch() -> str:
    """Functions of PyTorch beside those in the table."""
    from picozoo.frontend._torch_by_way import BY_WAY
    from picozoo.frontend._torch_context import readers

    several = sorted(said for said, (name, _) in readers().items() if name == "composite")
    return (
        "\n# PyTorch functions that become several operators\n\n"
        f"{len(several)} beside those in the table: {', '.join(f'`{said}`' for said in several)}.\n\n"
        "What is in neither list is written in other functions by PyTorch's own decompositions, and read if these are.\n"
        f"Tested are {', '.join(f'`{said}`' for said in BY_WAY)}.\n"
    )


def _forms() -> str:
    """Which kernel is called on which core, for operators that have more than one form."""
    import docs_forms

    return (
        "\n# Kernels by core\n\n"
        "What each core calls, for operators that choose by what a core can do; all others have one form for all cores.\n"
        "All integer forms of an operator give the same bits.\n\n"
        + table(("operator", "kernel", "cores"), docs_forms.rows())
    )


def _estimators() -> str:
    """Estimators of scikit-learn, from the importer's readers."""
    from picozoo.frontend import sklearn

    families: dict[str, list[str]] = {}
    for name, reader in sorted(sklearn.readers().items()):
        about = (inspect.getmodule(reader).__doc__ or "").split("\n\n")[0].split(":")[0].split(",")[0].rstrip(".")
        families.setdefault(" ".join(about.split()), []).append(f"`{name}`")
    rows = [(family, ", ".join(names)) for family, names in sorted(families.items())]
    return (
        "\n# scikit-learn estimators\n\n"
        f"{sum(len(r[1].split(', ')) for r in rows)} classes, from `.skops` files or as objects in Python; each becomes\n"
        "operators of the list above. What a class cannot do here, such as a metric or a loss, is said when it is read.\n\n"
        + table(("family", "estimators"), rows)
    )


def _operator(name: str) -> tuple[str, ...]:
    op = ops.get(name)
    names = (", ".join(f"`{a}`" for a in read) or "–" for read in (op.aten, op.tflite, op.onnx))
    return f"`{name}`", _gives(op), *names, ", ".join(_dtypes(op)), _integer(op)


def _composites() -> str:
    from picozoo.frontend._tflite_composites import READERS

    return ", ".join(f"`{name}`" for name in sorted(READERS))


def _gives(op: Op) -> str:
    """First sentence of the operator file."""
    text = " ".join((inspect.getmodule(type(op)).__doc__ or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".") + "."


def _dtypes(op: Op) -> list[str]:
    """Element types of its float and plain integer forms."""
    named = getattr(op, "dtypes", None)
    if named:
        return list(named)
    order = ["f32", "i8", "u8", "i16", "i32", "i64", "bool"]
    used = {t.dtype for case in op.cases for t in case.ins[:1] if t.quant is None}
    return sorted(used, key=order.index) or ["any"]


def _integer(op: Op) -> str:
    return "is one" if op.name in ("quantize", "dequantize") else QUANT.get(op.quant_rule, op.quant_rule)


# -- boards ----------------------------------------------------------------
def boards() -> str:
    """docs/boards.md."""
    found = [find.load("boards", name, "board").BOARD for name in find.names("boards")]
    cores = {board.core.name: board.core for board in found}
    text = MADE.format(source="picozoo/boards and picozoo/cores") + "# Boards\n\n"
    text += (
        f"{len(found)} boards on {len(cores)} cores; one file each in `picozoo/boards` and `picozoo/cores`. Which can run\n"
        "on your machine now, `picozoo boards` says. Instructions are counted exactly; cycles, time and energy are\n"
        "predicted from the core's and the board's figures below, except on `uno`, whose emulator counts cycles.\n\n"
    )
    text += table(
        ("name", "board", "chip", "core", "flash", "RAM", "clock", "energy a cycle", "emulator"),
        [_board(b) for b in found],
    )
    text += "\n" + "\n".join(_board_notes(b) for b in found if b.notes or b.energy) + "\n# Cores\n"
    return text + "".join(_core(core) for _, core in sorted(cores.items()))


def _board(b: Board) -> tuple[str, ...]:
    clock = "–" if b.clock_hz is None else f"{b.clock_hz / 1e6:g} MHz"
    energy = "–" if b.energy is None else f"{b.energy.pj_per_cycle:g} pJ ({b.energy.low:g} to {b.energy.high:g})"
    return (
        f"`{b.name}`",
        b.title,
        b.chip,
        b.core.title,
        _size(b.flash),
        _size(b.ram),
        clock,
        energy,
        EMULATORS[b.emulator],
    )


def _size(n: int | None) -> str:
    if n is None:
        return "–"
    return f"{n >> 20} MB" if n % (1 << 20) == 0 else f"{n / 1024:g} KB"


def _board_notes(b: Board) -> str:
    lines = [f"## {b.name}", ""]
    if b.notes:
        lines.append(b.notes)
    if b.memory_factor != 1.0:
        lines.append(f"Predicted cycles are multiplied by {b.memory_factor:g} for wait states.")
    if b.energy:
        lines.append(f"Energy: {b.energy.source}")
    return "\n".join(lines) + "\n"


def _core(core: Core) -> str:
    text = f"\n## {core.title}\n\n"
    features = ", ".join(sorted(core.target.features)) or "none"
    text += f"Compiled with `{' '.join(core.zig)}`" if core.zig else "Compiled with the machine's own C compiler"
    text += f"; features that kernels use: {features}.\n"
    if core.gcc:
        text += f"Vendor compiler, with `--toolchain gcc`: `{core.gcc[0]}gcc {' '.join(core.gcc[1])}`.\n"
    if core.cycles is None:
        return text + "No cycle model: time is not predicted.\n"
    if core.cycles.exact:
        return text + f"Cycles: counted by the emulator. {core.cycles.source}\n"
    text += f"Cycle model, ±{core.cycles.error:.0%}. {core.cycles.source}\n\n"
    rows = [(f"`{name}`", f"{cost:g}") for name, cost in core.cycles.costs.items()]
    return text + table(("class or event", "cycles"), rows)


# -- JSON ----------------------------------------------------------------
def json_schema() -> str:
    """docs/json.md, from the comments beside the fields of `report/data.py`."""
    from picozoo.report import data

    source = Path(data.__file__).read_text(encoding="utf-8")
    text = MADE.format(source="picozoo/report/data.py") + "# What `--json` prints\n\n"
    text += (
        f"`picozoo run NAME --board B[,B2] --json` prints a list of objects, one a board, schema version {data.SCHEMA}.\n"
        "This is a public interface: fields may be added, but a field keeps its name and meaning as long as `schema` is\n"
        "the same. In Python it is `firmware.report`, a `picozoo.report.data.Report`, with `to_json` and `from_json`.\n\n"
        'A board on which the network could not be run is an object of three fields instead, `{"name", "board", "error"}`,\n'
        "and the command's exit code is 1. `run --check` adds a list `check`, one object a step of the verification\n"
        "ladder: `name`, `compared_with`, `calls`, `worst`, `ok`, `first_difference`.\n\n"
    )
    text += " ".join((data.__doc__ or "").split("\n\n")[1].split()).split(". ", 1)[1] + "\n"
    for title, name in (
        ("Report", "Report"),
        ("One of `layers`", "LayerReport"),
        ("One of `memory`", "Block"),
        ("One of `quantisation`", "LayerNoise"),
        ("`learning`", "Learning"),
    ):
        text += f"\n## {title}\n\n" + table(("field", "type", "meaning"), fields(source, name))
    text += (
        "\n## `picozoo quantise --json`\n\n"
        "One object: `name`, `method`, `snr_db` (of the results), `calls` (of the calibration data), `layers` (as\n"
        "`quantisation` above), and `remedies`, best first:\n\n"
    )
    from picozoo.compress import advise

    source = Path(advise.__file__).read_text(encoding="utf-8")
    return text + table(("field", "type", "meaning"), fields(source, "Remedy"))


def fields(source: str, name: str) -> list[tuple[str, ...]]:
    """(field, type, comment) of a dataclass, from its source."""
    comments = comments_of(source)
    body = next(n.body for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == name)
    return [
        (f"`{line.target.id}`", _json_type(ast.unparse(line.annotation)), comment_for(comments, line.lineno))
        for line in body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    ]


def comments_of(source: str) -> dict[int, tuple[str, bool]]:
    """Line number -> (comment, does it have the line to itself?)."""
    lines = source.splitlines()
    return {
        token.start[0]: (token.string.lstrip("# "), lines[token.start[0] - 1].lstrip().startswith("#"))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }


def comment_for(comments: dict[int, tuple[str, bool]], line: int) -> str:
    """The comment behind a line, or those that stand alone right above it."""
    if line in comments:
        return comments[line][0]
    above: list[str] = []
    while comments.get(line - 1, ("", False))[1]:
        line -= 1
        above.insert(0, comments[line][0])
    return " ".join(above)


def _json_type(annotation: str) -> str:
    """A Python annotation in JSON's words.

    Example:
        >>> _json_type("list[LayerReport]"), _json_type("float | None")
        ('list of objects', 'number or null')
    """
    if annotation.endswith(" | None"):
        return _json_type(annotation.removesuffix(" | None")) + " or null"
    if annotation.startswith("list["):
        inner = _json_type(annotation[5:-1])
        return f"list of {inner}s"
    if annotation.startswith("dict["):
        return "object"
    return {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}.get(annotation, "object")


# -- command line ----------------------------------------------------------------
def command_line() -> str:
    """docs/cli.md, from the commands' own help."""
    from picozoo.cli import cli

    text = MADE.format(source="picozoo/cli") + "# The command line\n\n"
    text += (
        "Exit code 0: done; 1: it failed; 2: the command itself is wrong; 130: stopped with Ctrl-C. An error is one\n"
        "sentence on stderr, with `--debug` the traceback as well. With `--json` only JSON goes to stdout; see [json.md](json.md).\n"
    )
    for path, told in walk(cli, ("picozoo",)):
        text += f"\n## {' '.join(path)}\n\n```text\n{told}\n```\n"
    return text


def walk(
    command: click.Command, path: tuple[str, ...], parent: click.Context | None = None
) -> list[tuple[tuple[str, ...], str]]:
    """(words, help text) of a command and all below it, in the order of its help."""
    settings: dict[str, Any] = {**command.context_settings, "terminal_width": 80, "max_content_width": 80}
    context = click.Context(command, info_name=path[-1], parent=parent, **settings)
    found = [(path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()))]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                found += walk(below, (*path, name), context)
    return found
