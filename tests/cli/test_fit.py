"""fit: flash and RAM for every board, times where a core can be emulated."""

from __future__ import annotations

import json

import pytest

from picozoo import compile as compile_network
from picozoo import find, fit
from picozoo.network import load

from .conftest import Run

BOARDS = ["host", "nano33ble", "nucleo_l4r5zi", "uno"]


def test_figures_are_those_of_a_run(run: Run) -> None:
    rows = {r["board"]: r for r in json.loads(run("fit", "lenet5", "-b", ",".join(BOARDS), "--json").out)}
    assert set(rows) == set(BOARDS)
    fw = compile_network("lenet5", board="nano33ble")
    nano, other, uno = rows["nano33ble"], rows["nucleo_l4r5zi"], rows["uno"]
    assert nano["fits"] and nano["flash"] == fw.image.flash
    assert nano["ram"] == fw.model.context_bytes + nano["ram_stack"] and nano["ram_stack"] > 0
    assert nano["instructions"] == other["instructions"] and nano["counted_on"] == other["counted_on"]
    assert nano["ms"] > other["ms"], "the same core at a lower clock is slower"
    assert nano["ms_low"] < nano["ms"] < nano["ms_high"]
    assert not uno["fits"] and uno["flash_short"] == uno["flash"] - 32768 and uno["ms"] is None
    assert nano["peak_layer"] in {v.name for v in fw.model.layers} and 0 < nano["peak_bytes"] <= nano["ram_arena"]


def test_asking_again_takes_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    net = load("perceptron")
    first = fit.fit(net, boards=["host", "pico"])

    def never(*_: object) -> None:
        raise AssertionError("it was computed again")

    monkeypatch.setattr(fit, "_core", never)
    assert fit.fit(net, boards=["host", "pico"]) == first
    with pytest.raises(AssertionError):
        fit.fit(net, fit.Options(prefer="size"), boards=["host"])


def test_without_emulator_sizes_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picozoo.emulate.unicorn.available", lambda: "run 'pip install unicorn'")
    (row,) = fit.fit(load("perceptron"), boards=["pico"])
    assert row.fits and row.flash and row.ram_arena and row.ms is None and row.ram_stack is None
    assert "run 'pip install unicorn'" in row.note


def test_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("fit", "lenet5", "-b", "nano33ble,uno")
    assert said.code == 0 and "~" in said.out and "B of flash" in said.out and "Working memory is fullest" in said.out
    monkeypatch.setenv("COLUMNS", "80")
    assert max(len(line.rstrip()) for line in run("fit", "lenet5", "-b", "nano33ble,uno").out.splitlines()) <= 80


@pytest.mark.slow
@pytest.mark.parametrize("name", ["perceptron", "lenet5", "elm"])
def test_every_board(run: Run, name: str) -> None:
    """That each network compiles for each board and runs there is for tests/zoo/test_ladder.py."""
    rows = json.loads(run("fit", name, "--json").out)
    # tables that alone are larger than the flash are not linked: there is only the reason then
    assert [r["board"] for r in rows if not r["flash"] and (r["fits"] is not False or not r["note"])] == []
    assert len(rows) == len(find.names("boards"))


@pytest.mark.slow
@pytest.mark.parametrize("name", find.names("zoo"))
def test_every_network(run: Run, name: str) -> None:
    """On the board that its card shows it on, it fits, and what it costs there is known."""
    board = load(name).card.board["default"]
    (row,) = json.loads(run("fit", name, "-b", board, "--json").out)
    assert row["fits"] and row["flash"] and row["ram"] and row["instructions"] and row["peak_layer"], row["note"]
