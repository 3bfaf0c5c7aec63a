"""The figures that picozoo sets itself, measured; prints a table and adds a row to results/figures.jsonl.

    make bench                         all of it, about two minutes
    .venv/bin/python bench/figures.py --dry     without the row

Needs MNIST (PICOZOO_DATA or `picozoo data get mnist`) for the first figure. Timings depend on the machine and on what
else it does; the other figures are the same everywhere. This is no test: a missed figure is printed, not an error.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from picozoo import data, find
from picozoo.bench import rows
from picozoo.compiler import Firmware, compile, from_slot, to_slot
from picozoo.evaluate import evaluate
from picozoo.zoo import lenet5

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "results" / "figures.jsonl"
BOARD = "nano33ble"
DIGITS = 200  # of the demo
REPEATS = 3  # of each warm timing; the median counts
MB = "lenet5 int8 on nano33ble"


@dataclass(frozen=True)
class Figure:
    """One line of the table: what, the figure to reach and the one got, in words; `ok` is None if not measured."""

    what: str
    wanted: str
    got: str
    ok: bool | None
    value: float | None = None


def accuracy() -> list[Figure]:
    """int8 against float over the whole MNIST test set, both through C on this machine."""
    what, wanted = "lenet5, int8 against float, whole MNIST test set through host C", "drop ≤ 0.2 points"
    if not data.available("mnist"):
        return [Figure(what, wanted, "not measured: MNIST is not here", None)]
    x, y = lenet5.inputs("test", source="mnist")
    share = {p: _right(compile("lenet5", board="host", precision=p), x, y) for p in ("float32", "int8")}
    drop = 100 * (share["float32"] - share["int8"])
    got = f"{drop:.2f} points ({100 * share['float32']:.2f} % → {100 * share['int8']:.2f} %, {len(y):,} digits)"
    return [Figure(what, wanted, got, drop <= 0.2, drop)]


def _right(firmware: Firmware, x: np.ndarray, y: np.ndarray) -> float:
    """Share of digits that a firmware reads right."""
    entry = firmware.model.entries["forward"]
    with firmware.session() as session:
        outs = [from_slot(session.call("forward", to_slot(digit, entry.inputs[0]))[0], entry.outputs[0]) for digit in x]
    return lenet5.metric(np.stack(outs), y)


def costs() -> list[Figure]:
    """Instructions, code and arena of the demo's network on its board."""
    report = evaluate(compile("lenet5", board=BOARD), samples=DIGITS)
    assert report.instructions is not None
    per_mac = report.instructions / report.macs
    over = 100 * (report.ram_arena / report.arena_bound - 1)
    arena = f"{over:.1f} % over ({report.ram_arena:,} against {report.arena_bound:,} bytes)"
    return [
        Figure(f"{MB}: instructions per MAC", "≤ 2.0", f"{per_mac:.2f}", per_mac <= 2.0, per_mac),
        Figure(
            f"{MB}: code without weights",
            "≤ 12 KB",
            f"{report.flash_code:,} bytes",
            report.flash_code <= 12 * 1024,
            report.flash_code,
        ),
        Figure(f"{MB}: arena over its lower bound", "≤ 10 %", arena, over <= 10, over),
    ]


def emulation() -> list[Figure]:
    """Wall time of the emulated calls alone, counting on."""
    x, _ = lenet5.inputs("test", limit=DIGITS)
    firmware = compile("lenet5", board=BOARD)
    raw = [to_slot(digit, firmware.model.entries["forward"].inputs[0]) for digit in x]

    def once() -> None:
        for digit in raw:
            session.call("forward", digit)

    with firmware.session(count=True) as session:
        seconds = median(once)
    return [Figure("of it emulation of 200 digits", "< 3 s", f"{seconds:.2f} s", seconds < 3, seconds)]


def fit() -> list[Figure]:
    """`picozoo fit lenet5` over all boards, with an empty cache and with a filled one."""
    with tempfile.TemporaryDirectory() as cache:
        cold = seconds_of(lambda: picozoo("fit", "lenet5", cache=cache))
        warm = median(lambda: picozoo("fit", "lenet5", cache=cache))
    what = f"`picozoo fit lenet5` over all {len(find.names('boards'))} boards"
    return [
        Figure(f"{what}, cold", "< 20 s", f"{cold:.1f} s", cold < 20, cold),
        Figure(f"{what}, warm", "< 2 s", f"{warm:.2f} s", warm < 2, warm),
    ]


def help_() -> list[Figure]:
    """Start of the command line."""
    seconds = median(lambda: picozoo("--help"))
    return [Figure("`picozoo --help`", "< 0.3 s", f"{seconds:.2f} s", seconds < 0.3, seconds)]


def demo() -> list[Figure]:
    """`picozoo run lenet5 --board nano33ble`, warm."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("run", "lenet5", "--board", BOARD, "--html", os.path.join(folder, "report.html"))
        picozoo(*words)
        warm = median(lambda: picozoo(*words))
    return [Figure(f"`picozoo run lenet5 --board {BOARD}`, warm", "< 10 s", f"{warm:.1f} s", warm < 10, warm)]


def same_bytes() -> list[Figure]:
    """The C of every network for two cores, made in two processes whose hashes differ."""
    code = (
        "import hashlib, json, picozoo as pz\n"
        "from picozoo import find\n"
        "made = [pz.compile(n, board=b).model.files for n in find.names('zoo') for b in ('nano33ble', 'uno')]\n"
        "print(hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    same = len(digests) == 1
    text = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:12]
    what = f"the C of {len(find.names('zoo'))} networks for 2 boards, made twice"
    return [Figure(what, "the same bytes", f"the same ({text})" if same else "not the same", same)]


def picozoo(*words: str, cache: str = "") -> None:
    """A command in a process of its own."""
    environment = {**os.environ, **({"PICOZOO_CACHE": cache} if cache else {})}
    subprocess.run([sys.executable, "-m", "picozoo", *words], env=environment, check=True, capture_output=True)


def seconds_of(job: Callable[[], None]) -> float:
    """Wall time of one run."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def median(job: Callable[[], None]) -> float:
    """Median wall time of a few runs."""
    return statistics.median(seconds_of(job) for _ in range(REPEATS))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="only print, add no row to results/")
    dry = parser.parse_args().dry
    (commit, date), figures = rows.commit(ROOT), []
    for measure in (accuracy, costs, fit, help_, demo, emulation, same_bytes):
        for figure in measure():
            mark = {True: "reached", False: "MISSED", None: "–"}[figure.ok]
            print(f"{figure.what:72s} {figure.wanted:18s} {figure.got:60s} {mark}", flush=True)
            figures.append(figure)
    if not dry:
        found = [asdict(figure) for figure in figures]
        row = {"commit": commit, "date": date, "machine": rows.machine(), "figures": found}
        rows.write(FILE, [*rows.read(FILE), row])
        print(f"added to {FILE.relative_to(ROOT)}; 'make docs' puts it into the README")
    return 0


if __name__ == "__main__":
    sys.exit(main())
