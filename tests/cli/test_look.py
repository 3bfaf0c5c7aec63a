"""list, show, boards, data: what there is."""

from __future__ import annotations

import json

import pytest

from picozoo import data, find

from .conftest import Run

NETWORKS = find.names("zoo")


def test_list(run: Run) -> None:
    said = run("list")
    assert said.code == 0 and all(name in said.out for name in NETWORKS)
    rows = json.loads(run("list", "--json").out)
    assert sorted(r["name"] for r in rows) == sorted(NETWORKS)
    assert {"title", "family", "year", "sizes", "boards", "metric", "results", "learns"} <= set(rows[0])
    assert "No family holds" in run("list", "--family", "xyz").out
    assert [r["name"] for r in json.loads(run("list", "--family", "conv", "--json").out)] == ["lenet5"]


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("words", [["list"], ["boards"], ["data", "list"], ["show", "lenet5"]], ids=" ".join)
def test_tables_keep_to_the_width(run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said = run(*words)
    table = said.out if words != ["data", "list"] else said.out.split("\nhuman_activity:")[0]
    assert max(len(line.rstrip()) for line in table.splitlines() if ": run" not in line) <= int(columns)


@pytest.mark.parametrize("name", NETWORKS)
def test_show(run: Run, name: str) -> None:
    said = run("show", name)
    card = find.load("zoo", name, "network").CARD
    assert said.code == 0 and card.title in said.out and "Differs from the paper" in said.out
    facts = json.loads(run("show", name, "--json").out)
    assert facts["name"] == name and facts["card"]["year"] == card.year
    assert {f["name"] for f in facts["functions"]} == set(card.functions)
    assert facts["constants"] > 0


def test_show_program_and_c(run: Run) -> None:
    assert run("show", "lenet5", "--ir").out.startswith('program "lenet5"')
    assert "conv2d" in run("show", "lenet5", "--ir", "-b", "pico").out
    c = run("show", "lenet5", "--c", "-b", "pico").out
    assert "void lenet5_forward(lenet5_t *" in c and "#include" in c
    assert run("show", "lenet5", "--ir", "--json").code == 2


def test_boards(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = json.loads(run("boards", "--json").out)
    assert sorted(r["name"] for r in rows) == sorted(find.names("boards"))
    sentence = "the emulator is missing: run 'apt install it'"
    monkeypatch.setattr("picozoo.emulate.simavr.available", lambda: sentence)
    said = run("boards")
    assert f"uno: {sentence}" in said.out and "not here" in said.out


def test_data(run: Run) -> None:
    rows = json.loads(run("data", "list", "--json").out)
    assert [r["name"] for r in rows] == list(data.names())
    assert all(r["available"] or r["how"] for r in rows)
    assert run("data", "list").code == 0
    assert "needs no download" in run("data", "get", "letters5x7").out
