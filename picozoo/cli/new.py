"""`picozoo new`: the skeleton of a network, operator or board."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click

from picozoo.cli import _common
from picozoo.errors import UsageError


@click.command(cls=_common.Command, short_help="Start a network, an operator or a board of your own.")
@click.argument("kind", type=click.Choice(("network", "operator", "board")))
@click.argument("name")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The checkout to write into. [default: the one that picozoo runs from]",
)
def COMMAND(kind: str, name: str, out: Path | None) -> int:  # noqa: N802 - the name by which the command line finds it
    """Write the file of a new network, operator or board, in the place where picozoo finds it by its name.

    It works as it is, so that the suites accept it; what you must replace is marked TODO. Nothing is overwritten.
    """
    from picozoo.cli import _templates

    root = _checkout(out)
    _check(kind, name, root / "picozoo" / _templates.FOLDERS[kind])
    files = [(_templates.fill(path, name), _templates.fill(text, name)) for path, text in _templates.FILES[kind]]
    for path, _ in files:
        if (root / path).exists():
            raise UsageError(f"{root / path} is there already; choose another name")
    from picozoo.artefact import write_atomically

    for path, text in files:
        write_atomically(root / path, text.encode())
        print(f"written: {root / path}")
    print("Next:")
    for k, step in enumerate(_templates.NEXT[kind], 1):
        print(f"  {k}. {_templates.fill(step, name).format(*(path for path, _ in files))}")
    return 0


def _checkout(out: Path | None) -> Path:
    """The folder that holds `picozoo/`.

    Raises:
        UsageError: there is none.
    """
    root = out if out is not None else Path(__file__).resolve().parents[2]
    if not (root / "picozoo" / "zoo").is_dir() or (out is None and not (root / "pyproject.toml").is_file()):
        where = (
            f"{root} is no checkout of picozoo (it has no picozoo/zoo folder)"
            if out
            else "picozoo runs from an installed copy, not from a checkout"
        )
        raise UsageError(f"{where}. Clone the repository and give its folder with -o")
    return root


def _check(kind: str, name: str, folder: Path) -> None:
    """Refuse names that cannot be a module, a C identifier, or are taken."""
    a = "an" if kind[0] in "aeiou" else "a"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(f"{a} {kind} is called by small letters, digits and _, starting with a letter; got {name!r}")
    if (folder / f"{name}.py").exists():
        raise UsageError(f"there is {a} {kind} called {name!r} already: {folder / name}.py")
