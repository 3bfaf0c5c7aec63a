"""--weights: on run, fit and compile."""

from __future__ import annotations

import json

from .conftest import Run


def test_run_and_fit_with_fewer_bits(run: Run) -> None:
    full, few = (
        json.loads(run("run", "lenet5", "-b", "nucleo_l4r5zi", "-n", 20, "--no-html", "--json", *words).out)[0]
        for words in ((), ("--weights", "int4,int2:c5"))
    )
    assert few["flash_const"] < 0.45 * full["flash_const"] and few["agreement"] == 1.0 and few["accuracy"] > 0.9
    (row,) = json.loads(run("fit", "lenet5", "-b", "pico", "--weights", "int2", "--json").out)
    assert row["flash"] < 30_000
    assert "weights int4 int2:c5" in run_and_read(run)


def run_and_read(run: Run) -> str:
    """Head of the C that compile writes."""
    from pathlib import Path

    assert run("compile", "lenet5", "-b", "nano33ble", "--weights", "int4,int2:c5", "-o", "out").code == 0
    return next(Path("out").rglob("lenet5.c")).read_text()[:400]


def test_wrong_words_are_told(run: Run) -> None:
    said = run("run", "lenet5", "-b", "pico", "--weights", "int3", "--no-html")
    assert said.code == 2 and "weights are int8, int4, int2, ternary" in said.err
