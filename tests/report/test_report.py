"""Tables and report.html, from reports alone."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import zlib
from html.parser import HTMLParser

import pytest
from rich.console import Console

from picozoo.report import figures, html, table
from picozoo.report._svg import png
from picozoo.report.data import Block, LayerReport, Learning, Report

VOID = {"meta", "br", "img", "input"}


def report(**changes: object) -> Report:
    """A small report with everything in it."""
    layers = [
        LayerReport(
            "conv1", "conv2d", "forward", 1200, 3000.0, 4000.0, 0.0625, 0.62, [1, 8, 8, 4], "i8", "net.py:3", ["x"]
        ),
        LayerReport("out", "linear", "forward", 300, 1000.0, 1300.0, 0.02, 0.2, [1, 10], "i8", "net.py:5", ["conv1"]),
        LayerReport("add", "add", "learn", 0, None, None, None, None, [10], "i16", ""),
    ]
    memory = [
        Block("x", 0, 64, 0, 1, "forward"),
        Block("conv1", 64, 256, 1, 2, "forward"),
        Block("out", 0, 10, 2, 3, "forward"),
        Block("conv1 (working memory)", 320, 40, 1, 1, "forward"),
        Block("add", 0, 20, 1, 2, "learn"),
    ]
    base = Report(
        "net",
        "nano33ble",
        "Cortex-M4F",
        "int8",
        0.9,
        0.95,
        1.0,
        1500,
        4100.0,
        5400.0,
        0.25,
        0.084,
        0.83,
        900,
        1600,
        360,
        20,
        48,
        "unicorn 2",
        "zig cc 0.17",
        layers,
        title="A net",
        board_title="Nano 33",
        function="forward",
        inputs={"x": [1, 1, 8, 8]},
        metric="share of digits read right",
        data="digits, held out",
        samples=20,
        agreement_float=0.95,
        ms_low=0.067,
        ms_high=0.1,
        uj_low=0.5,
        uj_high=1.2,
        cost_source="Manual. An estimate.",
        flash_total=2500,
        ram_total=428,
        flash_limit=1 << 20,
        ram_limit=1 << 18,
        arena_bound=320,
        memory=memory,
        steps={"forward": ["conv1", "out"], "learn": ["add"]},
        learning=Learning(30, 0.1, 0.9, 700.0, 0.01, 12),
        mistakes=[{"index": 3, "expected": 8, "got": 3, "input": [0.0, 1.0] * 32, "shape": [1, 1, 8, 8]}],
        picozoo="0.1.0",
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


class Balanced(HTMLParser):
    """Every element is closed by its own end, and nothing points outside the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action", "data"):
                assert (value or "").startswith("data:"), f"{tag} {name}={value}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> str:
    """The words of a page that is well formed."""
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    return " ".join(parser.words)


def test_page_has_everything() -> None:
    page = html.page([report()], "picozoo run net --board nano33ble")
    words = read(page)
    for part in (
        "A net",
        "The network",
        "Where the instructions go",
        "Working memory over time",
        "Flash and RAM",
        "Learning on the board",
        "What it got wrong",
        "All figures",
        "How each number was obtained",
        "picozoo run net --board nano33ble",
    ):
        assert part in words
    assert "8 read as" in words and "data:image/png;base64," in page
    assert "least possible" in words and "320 B" in words
    assert "Fullest at conv1 with 360 B: conv1 256 B, x 64 B, conv1 (working memory) 40 B." in words
    assert "Fullest at add with 20 B: add 20 B." in words
    assert page.count("Fullest step: ") == 2
    both = report(memory=[Block("x", 0, 64, 0, 1, "forward"), Block("y~1", 32, 64, 1, 2, "forward")])
    assert (figures.peak(both, "forward").step, figures.peak(both, "forward").bytes) == (1, 96)
    assert figures.fullest_words(both, "forward").endswith("96 B: x 64 B, y 64 B; 32 B of these lie over others")
    assert "prefers-color-scheme:dark" in page and "@media print" in page and "max-width:640px" in page
    for block in report().memory:
        assert f"{block.label}: {block.bytes} B at" in page
    assert "±25%" in page and "Manual. An estimate." in page


def test_page_needs_no_network() -> None:
    page = html.page([report()], "c")
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a format: nobody fetches it
    assert "<script" not in page and "@import" not in page and "url(http" not in page


def test_page_of_several_boards() -> None:
    other = report(board="uno", board_title="Arduino Uno", core="AVR", cycles_exact=True, cycles_error=0.0)
    page = html.page([report(), other], "c")
    words = read(page)
    assert "Side by side" in words and words.count("The network") == 2
    assert page.count('type="radio"') == 2 and "#tab1:checked~article.tab1{display:block}" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text() -> None:
    evil = '<script>alert("x")</script>'
    layer = dataclasses.replace(report().layers[0], name=evil, source=evil, op=evil)
    bad = report(
        title=evil,
        board_title=evil,
        data=evil,
        metric=evil,
        layers=[layer],
        cost_source=evil,
        emulator=evil,
        inputs={evil: [3]},
        memory=[Block(evil, 0, 9, 0, 1, "forward")],
        steps={"forward": [evil]},
        mistakes=[{"index": evil, "expected": evil, "got": evil, "input": [1.0], "shape": [1]}],
    )
    for text in (html.page([bad], evil), html.fragment([bad])):
        read(text)
        assert "<script" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {
            "instructions": None,
            "cycles_predicted": None,
            "ms_predicted": None,
            "uj_predicted": None,
            "ms_low": None,
            "ram_stack": None,
        },
        {
            "accuracy": None,
            "accuracy_float": None,
            "agreement_float": None,
            "data": "",
            "mistakes": [],
            "learning": None,
            "samples": 1,
        },
        {"layers": [], "memory": [], "steps": {}, "inputs": {}, "macs": 0},
        {"flash_limit": None, "ram_limit": None, "instructions_unit": "wasm fuel"},
        {"flash_total": 2 << 20, "fits": False},
    ],
)
def test_what_is_missing_is_left_out(changes: dict[str, object]) -> None:
    made = report(**changes)
    read(html.page([made], ""))
    read(html.fragment([made]))
    for width in (60, 80, 120):
        show([made], width)
    read(html.page([made, report()], ""))


def test_fragment_is_small_and_shows_itself() -> None:
    text = report()._repr_html_()
    read(text)
    assert text.startswith('<div class="picozoo">') and len(text) < 4000 and "4,100" in text
    assert all(
        line.startswith(".picozoo") for line in re.search(r"<style>\s*(.*?)\s*</style>", text, re.S)[1].splitlines()
    )  # type: ignore[index]


def show(rows: list[Report | table.Failed], width: int) -> str:
    stream = io.StringIO()
    table.show(Console(file=stream, width=width, highlight=False), rows)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("boards", [1, 2, 5])
def test_tables_keep_to_the_width(width: int, boards: int) -> None:
    text = show([report(board=f"board{k}", board_title=f"Board number {k}") for k in range(boards)], width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for k in range(boards):
        assert f"Board number {k}" in text


def test_predictions_are_never_shown_as_measured() -> None:
    one, several = show([report()], 100), show([report(), report(board="b")], 120)
    for text in (one, several):
        for line in text.splitlines():
            if line.strip().startswith(("time", "energy", "cycles")):
                assert "predicted" in line
    assert "±25%" in one
    exact = show([report(cycles_exact=True, cycles_error=0.0)], 100)
    assert not re.search(r"time .*predicted", exact) and re.search(r"energy .*predicted", exact)


def test_failed_boards_and_long_profiles() -> None:
    text = show([report(), table.Failed("net", "uno", "it needs 9 bytes too many")], 80)
    assert "uno: it needs 9 bytes too many" in text
    many = [LayerReport(f"l{k}", "add", "forward", 0, float(k), None, None, None, [1], "i8", "") for k in range(60)]
    text = show([report(layers=many)], 80)
    assert "37 smaller" in text and "l59" in text and "l3 " not in text


def test_json_round_trip() -> None:
    assert Report.from_json(report().to_json()) == report()


def test_png_holds_the_picture() -> None:
    data = base64.b64decode(png([0.0, 0.5, 1.0, 0.0], 2, 2).partition(",")[2])
    assert data.startswith(b"\x89PNG") and data[16:24] == bytes([0, 0, 0, 2, 0, 0, 0, 2])
    length = int.from_bytes(data[33:37], "big")
    assert zlib.decompress(data[41 : 41 + length]) == bytes([0, 255, 127, 0, 0, 255])


def test_shares_never_round_up_to_all() -> None:
    assert [figures.share(x) for x in (1.0, 0.9999, 0.5, 0.0001, 0.0)] == [
        "100 %",
        "99.9 %",
        "50.0 %",
        "<0.1 %",
        "0.0 %",
    ]


def test_a_picture_has_a_float_figure_but_no_answer() -> None:
    """Without answers to compare, float is still told beside the board; a float32 run has nothing beside it."""
    for changes, wanted in (
        ({}, {"accuracy in float", "same answer as float"}),
        ({"agreement_float": None}, {"accuracy in float"}),
        ({"agreement_float": None, "precision": "float32"}, set()),
    ):
        told = {f.label for _, rows in figures.sections([report(**changes)]) for f in rows}
        assert told & {"accuracy in float", "same answer as float"} == wanted


def test_a_metric_has_its_own_name_and_unit_everywhere() -> None:
    """Perplexity is a number, not a share; nothing about such a network is called accuracy."""
    changes = {"metric_name": "perplexity", "metric_unit": "", "metric_better": "lower", "metric": "how much in doubt"}
    made = report(**changes, accuracy=11.72, accuracy_float=11.68, learning=Learning(30, 27.0, 11.9, 700.0, 0.01, 12))
    page, fragment, shown = html.page([made]), html.fragment([made]), show([made], 100)
    for text in (page, html.page([made, made]), fragment, shown, repr(made)):
        assert "perplexity" in text and "11.7" in text
        assert "accuracy" not in text.lower() and "1172" not in text
    for text in (page, shown):
        assert "11.7" in text and "lower is better" in text and "its perplexity from 27.0 to 11.9" in text
    widths = [float(w) for w in re.findall(r'class="b" style="width:([\d.]+)%', page)]
    assert widths and max(widths) <= 100
