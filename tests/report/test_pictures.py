"""What networks show: every kind of picture as JSON and back, in the terminal with and without colours, on the page."""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from itertools import pairwise

import numpy as np
import pytest
from rich.console import Console

from picozoo import pictures
from picozoo.errors import UsageError
from picozoo.report import _blocks, _shown

RAMP = np.linspace(0, 1, 60).reshape(6, 10)
SAMPLES = np.sin(np.arange(4000) / 5)
EVERY = [
    pictures.Images("grey", (RAMP, 1 - RAMP), ("up", "down")),
    pictures.Images("dots", ((RAMP > 0.5).astype(np.int8),)),
    pictures.Images("signed", (RAMP * 2 - 1,), signed=True),
    pictures.Images("colour", (np.stack([RAMP, RAMP, 1 - RAMP], 2),), columns=2),
    pictures.Curves("curves <b>", np.arange(5), {"a": np.arange(5.0) ** 2, "b": np.array([1, np.nan, 4, 5, 6])},
                    "n", "y",
                    ((2.0, "half way"),)),
    pictures.Points("points", {"one": np.eye(2), "two": -np.eye(2)}, "x", "y", large=np.zeros((1, 2)),
                    large_label="centre", wires=(np.array([[-1, -1], [1, 1]]),), plane=np.eye(4),
                    extent=(-1, 1, -1, 1)),
    pictures.Bars("bars", ("up", "down"), np.array([2.0, -1.0]), "points"),
    pictures.Table("table", ("name", "n"), (("a & b", "1"), ("c", "2"))),
    pictures.Words("words", "emma\nliv"),
    pictures.Sound("tune", SAMPLES, 8000),
]  # fmt: skip


def drawn(shown: list[pictures.Shown], colour: str | None = None) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=colour, force_terminal=colour is not None)  # type: ignore[arg-type]
    with console.capture() as seen:
        _blocks.show(console, shown)
    return seen.get()


def test_every_kind_is_here() -> None:
    assert {type(s) for s in EVERY} == set(pictures.KINDS.values())


@pytest.mark.parametrize("one", EVERY, ids=lambda s: s.caption)
def test_there_and_back(one: pictures.Shown) -> None:
    plain = json.loads(json.dumps(pictures.to_plain([one]), allow_nan=False))
    (back,) = pictures.from_plain(plain)
    assert type(back) is type(one)
    assert pictures.to_plain([back]) == plain
    assert drawn([back]) == drawn([one])


@pytest.mark.parametrize("colour", [None, "truecolor"])
@pytest.mark.parametrize("one", EVERY, ids=lambda s: s.caption)
def test_in_the_terminal(one: pictures.Shown, colour: str | None) -> None:
    text = drawn([one], colour)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]
    assert one.caption in text.replace("\\", "")
    assert len(lines) >= 3
    assert max(map(len, lines)) <= 100


def test_pictures_keep_their_ink() -> None:
    dots = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    assert drawn([pictures.Images("d", (dots,))]).splitlines()[-2:] == ["▀▄", "▀▀"]
    signed = drawn([pictures.Images("s", (np.array([[-1.0, 0, 1], [-1, 0, 1]]),), signed=True)])
    assert signed.splitlines()[-1] == "≡ █"


def test_curves_rise() -> None:
    rows = drawn([pictures.Curves("c", np.arange(9), {"y": np.arange(9)})]).splitlines()[2:16]
    first = [min((k for k, c in enumerate(r) if ord(c) > 0x2800), default=None) for r in rows]
    assert all(a > b for a, b in pairwise(first))


@pytest.mark.parametrize("plots", [True, False])
def test_on_the_page(plots: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if plots:
        pytest.importorskip("matplotlib")
    else:
        monkeypatch.setattr(_shown, "find_spec", lambda name: None)
    text = _shown.show(EVERY)
    assert text == _shown.show(EVERY)  # the same bytes every time
    assert text.count("<figure") == len(EVERY)
    assert "curves &lt;b&gt;" in text
    assert "a &amp; b" in text
    assert text.count("<svg") == (2 if plots else 0)
    assert ("picozoo[plots]" in text) != plots
    assert not re.search(r'\bid="', re.sub(r"<(path|clipPath|image|use)[^>]*>", "", text))
    for marker in (_shown.INK, _shown.DIM, _shown.LINE):
        assert marker not in text
    sound = re.search(r"data:audio/wav;base64,([^\"]+)", text)
    assert sound
    with wave.open(io.BytesIO(base64.b64decode(sound[1]))) as f:
        assert (f.getframerate(), f.getnframes(), f.getsampwidth()) == (8000, 4000, 2)


def test_bad_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="a tile must be"):
        pictures.Images("x", (np.zeros(3),))
    with pytest.raises(UsageError, match="2 labels for 1 tiles"):
        pictures.Images("x", (np.zeros((2, 2)),), ("a", "b"))
    with pytest.raises(UsageError, match="line 'y' has 2 values, x has 3"):
        pictures.Curves("x", np.arange(3), {"y": np.zeros(2)})
    with pytest.raises(UsageError, match="the kind must be one of"):
        pictures.from_plain([{"kind": "film"}])
