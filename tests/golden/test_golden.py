"""The IR and the C of the shipped networks, kept as text: a change of either is seen as a difference to review.

`make golden` rewrites the files. Tables are left out (only their names, types and lengths are kept), and real numbers
are rounded to three digits: calibration adds floats, and another processor may do so in another order.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest

import picozoo as pz
from picozoo.ir.text import print_program

FOLDER = Path(__file__).parent
REWRITE = os.environ.get("PICOZOO_GOLDEN") == "write"
CASES = (
    ("lenet5", "nano33ble", "int8"),
    ("lenet5", "pico", "float32"),
    ("perceptron", "uno", "native"),
    ("lstm_activity", "nano33ble", "int8"),
    ("hopfield:tiny", "uno", "native"),
)
TABLE = re.compile(r"=( /\*[^\n]*\*/)? \{\n[^{}]*\n\};")
REAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def made(network: str, board: str, precision: str) -> dict[str, str]:
    """File name -> text to keep."""
    firmware = pz.compile(network, board=board, precision=precision)
    stem = f"{network.replace(':', '_')}_{board}_{precision}"
    files = firmware.model.files
    texts = {f"{stem}.ir": print_program(firmware.program)}
    texts.update({f"{stem}.{name.rpartition('.')[2]}": TABLE.sub(r"=\1 {...};", text) for name, text in files.items()})
    return {name: REAL.sub(lambda number: f"{float(number[0]):.3g}", text) for name, text in texts.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))
def test_golden(case: tuple[str, str, str]) -> None:
    told = []
    for name, text in made(*case).items():
        path = FOLDER / name
        if REWRITE:
            path.write_text(text, encoding="utf-8")
            continue
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = difflib.unified_diff(old.splitlines(), text.splitlines(), name, "now", lineterm="", n=1)
        told += list(lines)[:40]
    assert not told, "\n".join([*told, "if this is wanted, run 'make golden' and look at the difference"])


def test_no_golden_file_is_left_over() -> None:
    stems = {f"{n.replace(':', '_')}_{b}_{p}" for n, b, p in CASES}
    there = {path.stem for path in FOLDER.iterdir() if path.suffix in (".ir", ".c", ".h")}
    assert there == stems
