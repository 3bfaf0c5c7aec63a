"""Every public name is documented, every example runs, every link leads somewhere."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import imports
import pytest

import picozoo

MODULES = ["picozoo", *(f"picozoo.{name}" for name in imports.modules() if name != "__main__")]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A path of this repository in a sentence or comment: with a folder, without capitals (which stand for any name).
NAMED_FILE = re.compile(
    r"(?<![\w/.])((?:picozoo|tests|docs|tools|bench|ops|kernels|harness|zoo|plan|passes|emit|emulate|frontend|ir|report"
    r"|compress|cores|boards|data|train|cli|export)/[a-z0-9_/]+\.(?:py|h|c|md|S))\b"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def load(name: str) -> ModuleType:
    """A module, or a skip if it needs something that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("picozoo"):
            raise
        pytest.skip(f"{name} needs {missing.name}")


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions, classes, methods and properties that a module defines itself and does not hide."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield name, thing
        if inspect.isclass(thing):
            bases = [base for base in thing.__mro__[1:] if not base.__module__.startswith("picozoo")]
            for own in (n for n in vars(thing) if not n.startswith("_")):
                member = getattr(thing, own)
                if any(hasattr(base, own) for base in bases):
                    continue  # somebody else's method, described there
                if inspect.isroutine(member) or isinstance(member, property):
                    yield f"{name}.{own}", member


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_documented(name: str) -> None:
    module = load(name)
    source = Path(str(module.__file__))
    assert module.__doc__ or not source.read_text().strip(), f"{name} has no docstring"
    bare = [n for n, thing in public(module) if not inspect.getdoc(thing)]
    assert not bare, f"{name}: no docstring on {', '.join(bare)}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    module = load(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        said: list[str] = []
        result = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
        assert result.failed == 0, "".join(said)


def test_the_public_list_is_what_is_public() -> None:
    assert picozoo.__all__ == sorted(picozoo.__all__)
    for name in picozoo.__all__:
        assert getattr(picozoo, name) is not None
    with pytest.raises(AttributeError, match="picozoo"):
        picozoo.nothing_of_this_name  # noqa: B018


def pages(root: Path) -> list[Path]:
    """All pages written for people."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def examples(root: Path) -> list[tuple[str, str]]:
    """Python blocks of the pages: place and text."""
    found = []
    for page in pages(root):
        text = page.read_text()
        for block in FENCE.finditer(text):
            line = text[: block.start()].count("\n") + 2
            found.append((f"{page.relative_to(root)}:{line}", block[1]))
    return found


@pytest.mark.parametrize(("place", "code"), examples(imports.PACKAGE.parent), ids=lambda v: v if ".md:" in v else "")
def test_python_of_the_pages_runs(place: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "torch" in code and find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    monkeypatch.chdir(tmp_path)
    # torch.export looks the module's source up by file: the example must be one.
    file = tmp_path / "example.py"
    file.write_text(code)
    exec(compile(code, str(file), "exec"), {"__name__": "example", "__file__": str(file)})


def test_links_lead_somewhere(root: Path) -> None:
    for page in pages(root):
        for link in LINK.findall(page.read_text()):
            if not re.match(r"[a-z]+:", link):
                assert (page.parent / link).exists(), f"{page.relative_to(root)} links to {link}, which is not there"


def documented_arguments(doc: str) -> list[str]:
    """Names in the `Args:` part of a docstring."""
    part = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", doc, re.MULTILINE)
    if not part:
        return []
    lines = [line for line in part[1].splitlines() if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    heads = [line.strip() for line in lines if len(line) - len(line.lstrip()) == indent]
    named = [m[1] for head in heads if (m := re.match(r"((?:[*`.]*\w+`?(?:\.\.\.)?(?:, )?)+):", head))]
    return [n.strip("*`. ") for names in named for n in names.split(",")]


@pytest.mark.parametrize("name", MODULES)
def test_documented_arguments_are_there(name: str) -> None:
    module = load(name)
    for place, thing in public(module):
        if isinstance(thing, property):
            continue
        own = thing.__doc__ or ""
        try:
            known = set(inspect.signature(thing).parameters)
        except (TypeError, ValueError):
            continue
        if inspect.isclass(thing):
            known |= set(getattr(thing, "__annotations__", ())) | set(vars(thing))
        for argument in documented_arguments(inspect.cleandoc(own)):
            assert argument in known, f"{name}.{place} has no argument {argument!r}"


def test_files_named_in_text_are_there(root: Path, tracked: list[Path]) -> None:
    homes = [root, root / "picozoo", root / "docs", root / "tests"]
    for file in tracked:
        made_up = root / "tests" in file.parents or file.name == "_templates.py"  # examples name what they make
        if file.suffix in (".py", ".h", ".c", ".md", ".sh") and not made_up:
            for found in NAMED_FILE.findall(file.read_text(encoding="utf-8")):
                there = any((home / found).exists() for home in [*homes, file.parent])
                assert there, f"{file.relative_to(root)} speaks of {found}, which is not there"


def test_forms_are_found_behind_machinery() -> None:
    """The table of kernels by core knows operators that choose in files they import."""
    import docs_forms

    assert {"add", "mul", "conv2d", "trees"} <= set(docs_forms.chosen())
    assert "reshape" not in docs_forms.chosen()
