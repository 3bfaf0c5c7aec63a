"""Predicted time and energy beside what others measured and published for the same models on the same chips.

Two kinds of figures that are never mixed: *predicted by picozoo's model* (its instructions, exact, times the costs of
`cores/`), and *measured and published by X* (MLPerf Tiny result logs). The quotient of the two holds both how much
faster one program is and how wrong the model is; it cannot tell them apart. What can be checked alone is the energy of
a cycle: that is `residuals`.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picozoo.errors import BadFile, MissingTool
from picozoo.specs import Board

FILE = "measured/mlperf_tiny.tsv"
COLUMNS = {"round", "submission", "model", "median_inferences_per_s", "median_uJ_per_inference"}
# Our board -> how submissions name it. Clocks are those of `boards/`, which are the usual ones of the submissions.
NAMES = {
    "nucleo_l4r5zi": r"L4R5ZI",
    "stm32u575": r"U575ZI|U585I",
    "stm32f746": r"F746NG",
}
# Not the chip's usual clock, or not the int8 model: not comparable.
OTHER = re.compile(r"_float$|_40MHz|min_ram")


@dataclass(frozen=True)
class Published:
    """One submission's measurement: time, and energy where it was measured (another run, often at another clock)."""

    board: str
    round: str
    submission: str
    model: str
    ms: float | None
    uj: float | None

    @property
    def tool(self) -> str:
        """Who and with what, without the board's name."""
        who, _, what = self.submission.partition(" ")
        rest = re.sub(r"(NUCLEO|DISCO|B|STM32)?[-_/]*(L4R5ZI|U575ZI|U585I|F746NG)([-_]?(Q|P|IOT02A))?", "", what)
        rest = rest.strip("-_/ ")
        return f"{who} {rest}".strip()


def read(board: str) -> list[Published]:
    """All rows for a board, of the three int8 models.

    Raises:
        MissingTool: the file of rows is not here.
        BadFile: it lacks a column.
    """
    folder = os.environ.get("PICOZOO_DATA")
    path = Path(folder or ".") / FILE
    if not folder or not path.is_file():
        raise MissingTool(f"published measurements are looked for in PICOZOO_DATA/{FILE}, which is not there")
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t")
        if absent := COLUMNS - set(table.fieldnames or ()):
            raise BadFile(f"{path} has no column {', '.join(sorted(absent))}")
        rows = list(table)
    pattern = NAMES.get(board)
    if pattern is None:
        return []
    found = [
        Published(board, r["round"], r["submission"], r["model"], _ms(r["median_inferences_per_s"]), _number(r, "uJ"))
        for r in rows
        if re.search(pattern, r["submission"])
        and not OTHER.search(r["submission"])
        and r["model"] in ("ic", "kws", "ad")
    ]
    return found


def _ms(per_second: str) -> float | None:
    return 1e3 / float(per_second) if per_second else None


def _number(row: dict[str, Any], unit: str) -> float | None:
    text = row[f"median_{unit}_per_inference"]
    return float(text) if text else None


def best(found: Sequence[Published]) -> list[tuple[str, dict[str, Published]]]:
    """(tool, model -> its newest row), those with most models first, then the fastest."""
    tools: dict[str, dict[str, Published]] = {}
    for row in sorted(found, key=lambda r: r.round):
        tools.setdefault(row.tool, {})[row.model] = row

    def speed(item: tuple[str, dict[str, Published]]) -> tuple[int, float]:
        times = [r.ms for r in item[1].values() if r.ms is not None]
        return -len(times), sum(times)

    return sorted(tools.items(), key=speed)


def residuals(board: Board, found: Sequence[Published]) -> list[tuple[Published, float, float]]:
    """(row, its picojoules a cycle, their excess over the board's figure) of rows that measured energy.

    Cycles a call are published time x the board's clock, so this holds only where energy and time were measured at that
    clock. A relative excess of 0.1 means that the board's figure predicts 10 % too little.
    """
    if board.energy is None or board.clock_hz is None:
        return []
    rows = []
    for row in found:
        if row.ms is not None and row.uj is not None:
            pj = row.uj * 1e6 / (row.ms * 1e-3 * board.clock_hz)
            rows.append((row, pj, pj / board.energy.pj_per_cycle - 1))
    return rows
