"""Rows of results/: what was measured at which commit, how it is written, and what got worse since."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picozoo.artefact import write_atomically
from picozoo.bench.measure import EXACT, worse_layers
from picozoo.errors import BadFile

FILE = "bench.jsonl"
ALLOWED = 0.01  # relative growth of a figure that is let through
Row = dict[str, Any]
WORDS = {
    "instructions": "instructions",
    "code": "bytes of code",
    "tables": "bytes of tables",
    "ram": "bytes of RAM",
}


@dataclass(frozen=True)
class Change:
    """A figure that differs from the committed row; `layers` are (name, before, now) of those that grew."""

    model: str
    board: str
    figure: str
    before: int
    now: int
    layers: tuple[tuple[str, int, int], ...] = ()
    because: str = ""

    @property
    def ratio(self) -> float:
        """Now over before."""
        return self.now / self.before if self.before else float("inf")

    @property
    def regression(self) -> bool:
        """More than `ALLOWED` worse?"""
        return self.now > self.before * (1 + ALLOWED)

    @property
    def sentence(self) -> str:
        """The change in words, with the layers that it comes from.

        Example:
            >>> Change("lenet5", "pico", "code", 100, 110, (("conv1", 40, 50),)).sentence
            'lenet5 on pico: 110 bytes of code, 100 in the committed row (+10.0 %); layer conv1: 40 -> 50'
        """
        text = (
            f"{self.model} on {self.board}: {self.now:,} {WORDS[self.figure]}, {self.before:,} in the committed row "
            f"({100 * (self.ratio - 1):+.1f} %)"
        )
        where = ", ".join(f"layer {name}: {a:,} -> {b:,}" for name, a, b in self.layers)
        return text + (f"; {where}" if where else "") + self.because


def key(row: Row) -> tuple[str, str, str]:
    """What makes two rows comparable."""
    return row["board"], row["model"], row["prefer"]


def newest(rows: Iterable[Row]) -> dict[tuple[str, str, str], Row]:
    """The last row of each key."""
    return {key(r): r for r in rows}


def changes(old: Row, new: Row) -> list[Change]:
    """Every exact figure that differs."""
    because = "".join(
        f"; {what} was {old[what]}, now {new[what]}"
        for what in ("compiler", "emulator")
        if old.get(what) != new.get(what)
    )
    return [
        Change(
            new["model"], new["board"], f, old[f], new[f], tuple(worse_layers(old, new, f)) if new[f] > old[f] else (),
            because,
        )
        for f in EXACT
        if old.get(f) is not None and new[f] is not None and old[f] != new[f]
    ]  # fmt: skip


def commit(root: Path) -> tuple[str, str]:
    """(commit, its date) of the checkout at `root`; "+" behind the commit if the package differs from it."""

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", ":(top)picozoo")
    return head + ("+" if changed else ""), git("show", "-s", "--format=%cI", "HEAD")


def machine() -> dict[str, Any]:
    """What timings depend on; exact figures do not."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }


def write(path: Path, rows: Iterable[Row]) -> None:
    """Replace a file of rows; it is there whole or not at all."""
    write_atomically(path, "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows).encode())


def read(path: Path) -> list[Row]:
    """The rows of a file, oldest first; none if it is not there.

    Raises:
        BadFile: a line is no JSON object.
    """
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise BadFile(f"{path}, line {number}: not a JSON object. Take the line out, or the file from git")
        rows.append(row)
    # two branches that were merged leave their rows in any order
    return sorted(rows, key=lambda row: str(row.get("date", "")))


def add(path: Path, new: Iterable[Row]) -> list[Row]:
    """Append rows whose figures differ from the newest of their key; those that were added.

    A row of the same key and commit is replaced.
    """
    rows, added = read(path), []
    for row in new:
        last = newest(rows).get(key(row))
        if last is not None and not changes(last, row) and set(last["layers"]) == set(row["layers"]):
            continue
        rows = [r for r in rows if (key(r), r["commit"]) != (key(row), row["commit"])] + [row]
        added.append(row)
    if added:
        write(path, rows)
    return added
