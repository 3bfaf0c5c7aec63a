"""Which part of picozoo may import which: the rows, and the places that break them.

Data flows one way and so do imports: a module imports from its own row or from rows above it. `tests/repo` checks this
and `docs/architecture.md` shows it, both from here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "picozoo"

# Each row: what its parts have in common, and the parts. A part is a module or a package below picozoo.
ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("values that every stage shares", ("errors", "specs", "find", "_cache", "_untrusted", "pictures")),
    ("what a program is", ("ir", "ops")),
    ("facts and files", ("artefact", "data", "cores", "boards")),
    ("from a model to a plan", ("frontend", "passes", "compress", "plan")),
    ("networks", ("network", "zoo", "train")),
    ("from a plan to an image", ("emit", "build", "_toolchain", "_link", "_link_wasm")),
    ("running an image", ("emulate", "measure")),
    ("the whole way", ("compiler", "tune", "smaller")),
    ("results", ("report",)),
    ("what is done with the whole way", ("evaluate", "ladder", "fit", "export", "bench")),
    ("the command line", ("cli", "__main__")),
)

# (module, part it imports from a row below) -> why. The test fails for a new one, and for one that is no longer there.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("compiler", "evaluate"): "`Firmware.report` measures when it is first asked for",
}


@dataclass(frozen=True)
class Import:
    """`module` (dotted, below picozoo) imports from `part` at `line` of `file`."""

    module: str
    part: str
    file: Path
    line: int


def part_of(module: str) -> str:
    """The part that a dotted name below picozoo belongs to.

    Example:
        >>> part_of("passes.layout"), part_of("specs")
        ('passes', 'specs')
    """
    return module.split(".")[0]


def row_of(part: str) -> int:
    """Index of a part's row; -1 if no row names it."""
    return next((i for i, (_, parts) in enumerate(ROWS) if part in parts), -1)


@cache
def modules() -> dict[str, Path]:
    """Dotted name below picozoo -> file, of every module but picozoo itself."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = file
    return found


def imports(module: str, file: Path) -> Iterator[Import]:
    """Every import of picozoo in a file, those inside functions too, but not those for type checkers only."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    skipped = {id(node) for guard in ast.walk(tree) if _for_types_only(guard) for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        for name in _imported(node):
            if name.startswith("picozoo."):
                yield Import(module, part_of(name.removeprefix("picozoo.")), file, getattr(node, "lineno", 0))


def violations() -> list[Import]:
    """Imports from a row below the importing module's own, the listed exceptions included."""
    return [
        found
        for module, file in modules().items()
        for found in imports(module, file)
        if row_of(found.part) > row_of(part_of(module))
    ]


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _imported(node: ast.AST) -> list[str]:
    """Dotted names that a statement imports; what `from picozoo import x` names counts only if x is a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return []
    if node.module != "picozoo":
        return [node.module]
    known = {part_of(name) for name in modules()}
    return [f"picozoo.{alias.name}" for alias in node.names if alias.name in known]
