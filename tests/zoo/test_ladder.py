"""Every network on every board: the verification ladder, the shipped artefact's figure, learning on the board."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo import data, emulate, find, network, pictures
from picozoo.compiler import Options, compile_network
from picozoo.errors import DoesNotFit
from picozoo.evaluate import equal, evaluate, shown
from picozoo.ladder import bisect, check, on_board
from picozoo.report import _shown
from picozoo.smaller import advice
from picozoo.zoo._card import Card

BOARDS = [b for b in find.names("boards") if b != "host"]
NETS = [
    f"{n}{'' if s == 'default' else ':' + s}"
    for n in find.names("zoo")
    for s in find.load("zoo", n, "network").CARD.sizes
]


def board_of(name: str) -> str:
    """The board that a network is shown on."""
    base, _, size = name.partition(":")
    return str(find.load("zoo", base, "network").CARD.board[size or "default"])


# The quick tests climb one ladder a network; the whole suite all of them. What runs until it is at rest takes long.
LONG = {"hopfield", "perceptron:untrained"}
SLOW_LESSONS = {"kohonen", "kohonen:customers", "elm:online", "boltzmann"}  # a thousand and more calls in real numbers
QUICK = {(n, board_of(n)) for n in NETS if n not in LONG}
EVERYWHERE = [pytest.param(n, b, marks=() if (n, b) in QUICK else pytest.mark.slow) for n in NETS for b in BOARDS]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in NETS])
def test_every_network_up_to_the_host(name: str) -> None:
    """What is the same for every board is climbed once."""
    for rung in check(network.load(name), []):
        assert rung.ok, f"{rung.name} against {rung.compared_with}: {rung.first_difference}"


@pytest.mark.parametrize(("name", "board"), EVERYWHERE)
def test_every_network_on_every_board(name: str, board: str) -> None:
    b = find.load("boards", board, "board").BOARD
    if reason := emulate.available(b):
        pytest.skip(reason)
    fw = compile_network(network.load(name), b, Options())
    try:
        fw.check_fits()
    except DoesNotFit as e:
        pytest.skip(f"does not fit: {e}")
    rung = on_board(fw)
    assert rung.ok, rung.first_difference


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "lstm_activity"])
@pytest.mark.parametrize("board", ["nano33ble", "pico"])
def test_float_form(name: str, board: str) -> None:
    for rung in check(network.load(name), [board], Options(precision="float32")):
        assert rung.ok, f"{rung.name} against {rung.compared_with}: {rung.first_difference}"


@pytest.mark.parametrize("name", NETS)
def test_card_is_true(name: str) -> None:
    """The card's board holds the network, and the card names its functions and what its numbers are."""
    net = network.load(name)
    assert {f.name for f in net.program.public()} == set(net.card.functions)
    fw = pz.compile(net, board=net.card.board[net.size])
    fw.check_fits()
    assert fw.precision == net.card.precision
    assert net.program.main.name == net.card.main


def ready(name: str) -> tuple[network.Network, str]:
    """A network and its board, or a skip where its emulator or its data are not here."""
    net = network.load(name)
    board = board_of(name)
    if reason := emulate.available(find.load("boards", board, "board").BOARD):
        pytest.skip(reason)
    if net.card.data and not any(data.available(d) for d in net.card.data):
        pytest.skip(f"none of {net.card.data} is here; set PICOZOO_DATA to a mirror")
    return net, board


def card_of(name: str) -> Card:
    """The card of a network in one of its sizes."""
    base, _, size = name.partition(":")
    card: Card = find.load("zoo", base, "network").CARD
    return card.at(size or "default")


def worse(card: Card, found: float, than: float, by: float = 0.01) -> bool:
    """Is a figure worse by more than a point, or, where the metric is no share, by a fiftieth of itself?"""
    margin = by if card.metric_unit == "%" else 2 * by * abs(than)
    return found < than - margin if card.metric_better == "higher" else found > than + margin


def patient(names: list[str]) -> list[Any]:
    """The names, those with long lessons marked slow."""
    return [pytest.param(n, marks=pytest.mark.slow) if n in SLOW_LESSONS else n for n in names]


LEARNERS = [n for n in NETS if card_of(n).learns and "untrained" not in n]
SHOWERS = [n for n in NETS if hasattr(find.load("zoo", n.partition(":")[0], "network"), "show")]


@pytest.mark.parametrize("name", patient(LEARNERS))
def test_learns_on_the_board(name: str) -> None:
    """Starting from nothing, taught on the emulated board, the network comes within a point of its trained figure."""
    net, board = ready(name)
    report = evaluate(pz.compile(net, board=board), samples=16 if net.card.name == "hopfield" else 200)
    assert report.learning is not None
    assert report.accuracy is not None
    assert not worse(net.card, report.learning.accuracy_after, report.accuracy)
    assert worse(net.card, report.learning.accuracy_before, report.accuracy, by=0)
    assert report.learning.ram_state > 0


@pytest.mark.parametrize("name", LEARNERS)
def test_what_the_board_learnt_is_pytorchs(name: str) -> None:
    """After the first lessons on an emulated chip, outputs and state equal those of the module's own method."""
    torch = pytest.importorskip("torch")
    net, _ = ready(name)
    module, size = net.module, net.size
    function, lessons, start = module.lessons(**({} if size == "default" else {"size": size}))  # type: ignore[union-attr]
    model = module.build(size).eval()  # type: ignore[union-attr]
    with pz.compile(net, board="nano33ble").session() as s, torch.no_grad():
        for key, weight in model.named_parameters():  # what is not learnt is as shipped
            shipped = {k.lstrip("@").replace("_", "."): v for k, v in net.program.constants.items()}
            weight.copy_(torch.from_numpy(shipped[key.replace("_", ".")].copy()).reshape(weight.shape))
        for state in start:
            values = start[state] if isinstance(start, dict) else np.zeros_like(s.get_state(state))
            s.set_state(state, values)
            model.get_buffer(state).copy_(torch.from_numpy(np.array(values)))
        for call in lessons[:30]:
            want = getattr(model, function)(*[torch.from_numpy(v) for v in call])
            want = want if isinstance(want, tuple) else (want,)
            for a, b in zip(s.call_real(function, *call), want, strict=True):
                assert equal(np.asarray(a), b.numpy().reshape(a.shape))
        for state in start:
            got = s.get_state(state)
            assert equal(got, model.get_buffer(state).numpy().reshape(got.shape)), state


@pytest.mark.parametrize("name", patient(SHOWERS))
def test_shows_what_it_is_known_for(name: str) -> None:
    """`show` runs on the network's board and gives pictures with words that the report can draw."""
    net, board = ready(name)
    plain = shown(pz.compile(net, board=board))
    again = pictures.from_plain(plain)
    assert len(again) >= 2
    assert all(s.caption for s in again)
    assert _shown.show(again).count("<figure") == len(again)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NETS if "untrained" not in n and n != "hopfield"])
def test_figure_on_the_whole_test_set(name: str) -> None:
    """The shipped artefact reaches its card's figure, and int8 loses at most a point, through host C."""
    net, _ = ready(name)
    if not hasattr(net.module, "source") and net.card.data and not data.available(net.card.data[0]):
        pytest.skip(f"data set {net.card.data[0]!r}, on which the figure is, is not here; set PICOZOO_DATA to a mirror")
    fw = pz.compile(net, board="host")
    heavy = sum(v.macs for v in fw.model.layers) > 2_000_000  # NumPy would take minutes for all
    report = evaluate(fw, samples=1_000 if heavy else 10_000)
    assert report.agreement == 1.0
    assert report.accuracy is not None
    assert report.accuracy_float is not None
    assert net.card.reaches(report.accuracy_float)
    assert not worse(net.card, report.accuracy, report.accuracy_float)


def test_bisect_names_the_broken_layer() -> None:
    fw = pz.compile("lenet5", board="nano33ble")
    assert bisect(fw) is None
    source = fw.model.files["lenet5.c"]
    at = source.index("{", re.search(r"lenet5_f6_bias\[\d+\] =", source).end()) + 1  # type: ignore[union-attr]
    fw.model.files["lenet5.c"] = f"{source[:at]} 3000 + {source[at:].lstrip()}"
    finding = bisect(fw)
    assert finding is not None
    assert (finding.layer, finding.op) == ("f6", "linear")
    assert "lenet5.py" in finding.sentence


def test_bisect_steps_through_loops() -> None:
    fw = pz.compile("hopfield:tiny", board="nano33ble")
    assert bisect(fw) is None
    source = fw.model.files["hopfield.c"]
    assert "pz_index_copy_1_i64(" in source or "pz_index_copy_1_i32(" in source
    fw.model.files["hopfield.c"] = source.replace("  pz_where_i8(", "  pz->arena[0] ^= 1; pz_where_i8(", 1)
    assert bisect(fw) is not None


def test_does_not_fit_says_what_and_where() -> None:
    with pytest.raises(DoesNotFit, match=r"bytes of flash .* uno has 32,768: [\d,]+ too many.*Boards with room"):
        pz.compile("lenet5", board="uno").check_fits()


@pytest.mark.parametrize(
    ("options", "helps", "useless"),
    [
        ({}, {"--weights int4"}, {"int8", "--prefer"}),  # in int8 already, and its tables alone are too large
        ({"weights": "int4", "prefer": "speed"}, {"--prefer size"}, {"int8", "int4"}),
        ({"precision": "float32"}, {"--precision int8"}, {"int4"}),
    ],
)
def test_does_not_fit_says_what_can_be_done(options: dict[str, str], helps: set[str], useless: set[str]) -> None:
    fw = pz.compile("lenet5", board="uno", **options)
    words = advice(fw, "flash", 40_000, 4_000)
    assert all(w in words for w in helps) and not any(w in words for w in useless), words
    if "weights" not in options:
        assert "--prefer ram" in advice(fw, "RAM", 40_000, 4_000)


@pytest.mark.slow
@pytest.mark.skipif(
    not data.available("mnist"), reason="needs MNIST (set PICOZOO_DATA or run 'picozoo data get mnist')"
)
def test_lenet5_on_all_of_mnist() -> None:
    """int8 loses at most 0.2 points against float on the 10,000 test digits, through host C."""
    report = evaluate(pz.compile("lenet5", board="host"), samples=10_000)
    assert report.agreement == 1.0
    assert report.accuracy is not None
    assert report.accuracy_float is not None
    assert report.accuracy_float >= 0.99
    assert report.accuracy_float - report.accuracy <= 0.002


@pytest.mark.slow
def test_lenet5_on_scikit_learns_digits() -> None:
    pytest.importorskip("sklearn")
    module = find.load("zoo", "lenet5", "network")
    x, y = module.inputs("test", source="digits")
    with pz.compile("lenet5", board="host").session() as s:
        outs = np.stack([s.call_real("forward", v)[0] for v in x])
    assert module.metric(outs, y) >= 0.98


@pytest.mark.slow
@pytest.mark.skipif(not data.available("human_activity"), reason="needs human_activity (set PICOZOO_DATA)")
def test_lstm_on_the_held_out_person() -> None:
    report = evaluate(pz.compile("lstm_activity", board="host"), samples=10_000)
    assert report.accuracy is not None
    assert report.accuracy >= 0.93
