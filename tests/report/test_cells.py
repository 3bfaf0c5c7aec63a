"""Architectures in cells: what a card declares, and that it is drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from picozoo import find
from picozoo.errors import UsageError
from picozoo.report import _cells


def shapes(svg: str) -> int:
    """How many cells are in a picture, those of its key included."""
    return sum(e.get("class") == "o" for e in ET.fromstring(svg).iter())


@pytest.mark.parametrize("kind", _cells.KINDS)
def test_every_kind_looks_different(kind: str) -> None:
    svg = _cells.draw(f"{kind} 2", "x")
    assert shapes(svg) == 3  # two cells and the key
    others = [_cells._cell(0, 0, k) for k in _cells.KINDS if k != kind]
    assert _cells._cell(0, 0, kind) not in others


def test_wires() -> None:
    for line, count in (("input 3 > hidden 4 > output 2", 3 * 4 + 4 * 2), ("ring backfed 6", 15)):
        assert sum(e.get("class") == "w" for e in ET.fromstring(_cells.draw(line, "x")).iter()) == count


@pytest.mark.parametrize("line", ["inptu 3", "input", "input 0", "input 3 > hidden many", "input 30", ""])
def test_wrong_lines_are_refused(line: str) -> None:
    with pytest.raises(UsageError, match="expected KIND COUNT"):
        _cells.parse(line)


@pytest.mark.parametrize("name", find.names("zoo"))
def test_cards_can_be_drawn(name: str) -> None:
    card = find.load("zoo", name, "network").CARD
    if card.cells:
        assert card.title.replace("&", "&amp;") in _cells.draw(card.cells, card.title)
