"""Write the generated pages and blocks of the documentation, or say which are stale.

    make docs                       tools/docs.py --write
    make check                      tools/docs.py --check: exit code 1 and the first difference of each stale page

A page is a whole file (docs/operators.md, docs/cli.md ...). A block is what stands between `<!-- begin:NAME -->` and
`<!-- end:NAME -->` in a page that people write. Both come from the code, from real runs, or from the rows in results/,
and are the same bytes on every machine: nothing in them is timed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- begin:([a-z-]+)[^>]*-->\n)(.*?)(<!-- end:\2 -->)", re.DOTALL)
WITH_BLOCKS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/bring.md", "docs/kernels.md")


def wanted() -> dict[str, str]:
    """Path below the repository -> the text it should hold."""
    import docs_blocks
    import docs_pages

    made = docs_pages.pages()
    for name in WITH_BLOCKS:
        made[name] = fill(name, (ROOT / name).read_text(encoding="utf-8"), docs_blocks.BLOCKS)
    return made


def fill(page: str, text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A page with every block made anew.

    Raises:
        SystemExit: a block that nothing makes.
    """

    def one(found: re.Match[str]) -> str:
        make = blocks.get(found[2])
        if make is None:
            raise SystemExit(
                f"{page}: nothing makes the block {found[2]!r}; tools/docs_blocks.py has {', '.join(blocks)}"
            )
        return f"{found[1]}{make().strip(chr(10))}\n{found[4]}"

    return BLOCK.sub(one, text)


def stale(made: dict[str, str]) -> list[str]:
    """What differs: one entry a file, its name and the first differing lines."""
    told = []
    for name, text in made.items():
        path = ROOT / name
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        if old != text:
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), "there", "should be", lineterm="", n=0)
            told.append("\n    ".join([name, *list(lines)[2:14]]))
    return told


def unmade(made: dict[str, str]) -> list[Path]:
    """Pages in the generated folder that nothing makes any more."""
    return [p for p in sorted((ROOT / "docs" / "zoo").glob("*.md")) if str(p.relative_to(ROOT)) not in made]


def write(made: dict[str, str]) -> None:
    """Put every page in place that differs; each is there whole or not at all."""
    for name, text in made.items():
        path = ROOT / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
        print(f"docs: wrote {name}")
    for path in unmade(made):
        path.unlink()
        print(f"docs: removed {path.relative_to(ROOT)}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="rewrite what is stale")
    choice.add_argument("--check", action="store_true", help="only say what is stale")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["PICOZOO_DATA"] = empty  # what a fresh machine has: the examples use the bundled digits
        made = wanted()
    if arguments.write:
        write(made)
        return 0
    told = stale(made) + [f"{p.relative_to(ROOT)}: nothing makes this page" for p in unmade(made)]
    for entry in told:
        print(f"docs: stale: {entry}", file=sys.stderr)
    if told:
        print("docs: run 'make docs' and look at the difference", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
