"""Hostile program text and notes in a `.pz` file: refused when it is read, so that nothing later has to look again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import picozoo as pz
from picozoo.artefact import load_network, save_program
from picozoo.cli import main
from picozoo.errors import BadFile
from picozoo.ir.text import parse_program, print_program


@pytest.fixture(scope="module")
def text() -> str:
    return print_program(pz.load("perceptron").program)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('program "', 'program "\\u001b[31m', "cannot be printed"),
        ('#["', '#["\\u001b[31m', "cannot be printed"),
        ('#["', '#["\\ud800', "cannot be printed"),
        ("(%", "(%\x1b[31m", "cannot be printed"),
        ("func ", "region ", "none to call"),
        ("func ", "region\x00 ", "cannot be printed"),
    ],
)
def test_text(old: str, new: str, told: str, text: str) -> None:
    assert old in text
    with pytest.raises(BadFile, match=told):
        parse_program(text.replace(old, new))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", "x"),
        ("labels", "[1, 2]"),
        ("labels", "{}"),
        ("labels", "[" * 5000),
        ("preprocessing", '[{"mean": [], "std": [1]}]'),
        ("preprocessing", '[{"mean": "ab", "std": [1]}]'),
        ("preprocessing", '["mean"]'),
        ("preprocessing", "7"),
        ("qdq", '["abc"]'),
        ("qdq", "[[[1]]]"),
        ("qdq", "null"),
    ],
)
def test_notes(key: str, value: str, tmp_path: Path) -> None:
    program = pz.load("perceptron").program.copy()
    program.meta[key] = value
    save_program(program, tmp_path / "p.pz")
    with pytest.raises(BadFile, match=r"p\.pz"):
        load_network(tmp_path / "p.pz")


def test_sound_notes_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in them."""
    program = pz.load("perceptron").program.copy()
    program.meta |= {"about": "\x1b[31mred", "labels": json.dumps(["a\n", "b\x00"]), "size": "no such size"}
    program.meta["preprocessing"] = json.dumps([None, {"mean": [1], "std": [2.5]}])
    save_program(program, tmp_path / "p.pz")
    assert main(["show", str(tmp_path / "p.pz")]) == 0
    shown = capsys.readouterr().out
    assert "\\x1b[31mred" in shown
    assert "\x00" not in shown
    assert "(value - 1) / 2.5" in shown
