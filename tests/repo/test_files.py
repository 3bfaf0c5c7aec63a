"""House rules that a program can check: sizes, names, versions, what may not be in a file."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import picozoo
from picozoo import find

LIMIT = 500  # lines; what is longer should be two files
LONG: dict[str, str] = {}  # file -> why it may be longer
WRITTEN = (".py", ".c", ".h", ".S", ".sh", ".toml", ".js", ".css")
# Paths of somebody's machine, and the address of a package index: neither belongs in a file of everybody's.
MACHINE = re.compile(
    r"(?<![\w.$])/(?:work|root|tmp/[a-z0-9]+|home/[a-z0-9]+)(?![\w-])/?|pypi\.org|pythonhosted|/simple/"
)
# Operators without C of their own.
NO_CODE = {
    "reshape": "a view",
    "while_loop": "printed by emit.c_model",
    "fused": "calls the kernels of the operators in its region",
}
PACKAGE = Path(picozoo.__file__).parent


def project(root: Path) -> dict[str, object]:
    """The [project] table."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]  # type: ignore[no-any-return]


def text_of(file: Path) -> str | None:
    """A file's text, or None if it is binary."""
    data = file.read_bytes()
    return None if b"\0" in data[:4096] else data.decode("utf-8", errors="replace")


def test_no_file_is_long(root: Path, tracked: list[Path]) -> None:
    for file in tracked:
        name = str(file.relative_to(root))
        if file.suffix in WRITTEN and name not in LONG:
            lines = len(file.read_text(encoding="utf-8").splitlines())
            assert lines <= LIMIT, f"{name} has {lines} lines, {LIMIT} is the limit: make two files of it"


def test_long_files_are_still_long(root: Path) -> None:
    for name in LONG:
        assert len((root / name).read_text().splitlines()) > LIMIT, f"take {name} off the list LONG"


def test_no_path_of_a_machine(root: Path, tracked: list[Path]) -> None:
    for file in tracked:
        text = text_of(file)
        if text is None or file == Path(__file__).resolve():
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found = MACHINE.search(line)
            assert not found, f"{file.relative_to(root)}:{number} names {found[0]!r}"


def owner(header: Path) -> str:
    """The operator whose kernels a header holds, for all cores or one kind (`_mve`); "" if several share it."""
    name = header.stem.removeprefix("pz_")
    owners = [op for op in find.names("ops") if name == op or name.startswith(f"{op}_")]
    return max(owners, key=len, default="")


HEADERS = sorted((PACKAGE / "kernels").glob("*.h"))


@pytest.mark.parametrize("name", sorted(set(find.names("ops")) - {owner(h) for h in HEADERS} - set(NO_CODE)))
def test_operators_without_a_header_use_a_shared_one(name: str) -> None:
    text = (PACKAGE / "ops" / f"{name}.py").read_text()
    machinery = [(PACKAGE / "ops" / f"{m}.py").read_text() for m in re.findall(r"picozoo\.ops\.(_\w+) import", text)]
    assert any("pz_" in t for t in (text, *machinery)), f"which kernel does ops/{name}.py call?"


@pytest.mark.parametrize("header", HEADERS, ids=lambda f: f.stem)
def test_kernel_names_its_twin(header: Path) -> None:
    text, operator = header.read_text(), owner(header)
    assert f"#ifndef {header.stem.upper()}_H" in text, "an include guard, named after the file"
    if operator:
        assert f"ops/{operator}.py" in text, f"{header.name} should say that its twin is ops/{operator}.py"
        return
    others = [f for f in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.[ch]")) if f != header]
    assert any(header.name in f.read_text() for f in others), f"nothing uses {header.name}"


def test_version_is_the_changelogs(root: Path) -> None:
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == picozoo.__version__ == project(root)["version"] == metadata.version("picozoo")


def test_licence(root: Path) -> None:
    assert (root / "LICENSE").read_text().startswith("MIT License")
    assert project(root)["license"] == "MIT"


def locked(root: Path, name: str) -> dict[str, str]:
    """Package -> version of a lock."""
    lines = (root / "requirements" / name).read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith(("#", "-r"))]
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in pins}


def test_lock_is_pinned_and_within_the_declared_ranges(root: Path) -> None:
    facts = project(root)
    extras: dict[str, list[str]] = facts["optional-dependencies"]  # type: ignore[assignment]
    base, dev = locked(root, "base.txt"), locked(root, "dev.txt")
    assert "torch" not in base
    assert dev["torch"] == "2.13.0"
    run: list[str] = [*facts["dependencies"], *extras["digits"]]  # type: ignore[misc]
    everything = [*run, *(line for lines in extras.values() for line in lines)]
    for lines, pins in ((run, base), (everything, base | dev)):
        for line in lines:
            wanted = Requirement(line)
            if wanted.name != "picozoo":
                assert wanted.specifier.contains(pins[wanted.name.lower()]), (
                    f"{line}: locked {pins[wanted.name.lower()]}"
                )


def test_locks_name_no_index(root: Path) -> None:
    for name in ("base.txt", "dev.txt"):
        assert not re.search(r"://|index-url|find-links", (root / "requirements" / name).read_text())


def test_results_are_thin() -> None:
    """Rows of networks hold what the pages show and no more, one a network, size and board."""
    from bench import zoo

    layer = {"name": "a", "function": "f", "op": "add", "reads": ["x"]}
    row = {"name": "n", "size": "s", "board": "b", "function": "f", "memory": [1], "layers": [layer]}
    other = {**row, "board": "c", "layers": [{**layer, "function": "g"}]}
    first, second = zoo.thin([row, row, other])
    assert first["layers"] == [{"name": "a", "op": "add", "function": "f"}] and "memory" not in first
    assert second["layers"] == [] and second["board"] == "c"
    rows = zoo.kept.read(zoo.FILE)
    assert rows == zoo.thin(rows), "run: bench/zoo.py --thin"
