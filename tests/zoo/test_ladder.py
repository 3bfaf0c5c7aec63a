"""Every network on every board: the verification ladder, the shipped artefact's figure, learning on the board."""

from __future__ import annotations

import numpy as np
import pytest

import picozoo as pz
from picozoo import data, emulate, find, network
from picozoo.compiler import Options, compile_network
from picozoo.errors import DoesNotFit
from picozoo.evaluate import evaluate
from picozoo.ladder import bisect, check

BOARDS = [b for b in find.names("boards") if b != "host"]
NETS = [
    f"{n}{'' if s == 'default' else ':' + s}"
    for n in find.names("zoo")
    for s in find.load("zoo", n, "network").CARD.sizes
]


# The quick tests climb one ladder a network; the whole suite all of them.
QUICK = {("lenet5", "nano33ble"), ("lstm_activity", "nano33ble"), ("perceptron", "uno"), ("hopfield:tiny", "uno")}
EVERYWHERE = [pytest.param(n, b, marks=() if (n, b) in QUICK else pytest.mark.slow) for n in NETS for b in BOARDS]


@pytest.mark.parametrize(("name", "board"), EVERYWHERE)
def test_every_network_on_every_board(name: str, board: str) -> None:
    b = find.load("boards", board, "board").BOARD
    if reason := emulate.available(b):
        pytest.skip(reason)
    net = network.load(name)
    try:
        compile_network(net, b, Options()).check_fits()
    except DoesNotFit as e:
        pytest.skip(f"does not fit: {e}")
    for rung in check(net, [board]):
        assert rung.ok, f"{rung.name} against {rung.compared_with}: {rung.first_difference}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "lstm_activity"])
@pytest.mark.parametrize("board", ["nano33ble", "pico"])
def test_float_form(name: str, board: str) -> None:
    for rung in check(network.load(name), [board], Options(precision="float32")):
        assert rung.ok, f"{rung.name} against {rung.compared_with}: {rung.first_difference}"


@pytest.mark.parametrize("name", NETS)
def test_card_is_true(name: str) -> None:
    """The card's board holds the network, and the card names its functions."""
    net = network.load(name)
    assert {f.name for f in net.program.public()} == set(net.card.functions)
    fw = pz.compile(net, board=net.card.board[net.size])
    fw.check_fits()
    assert net.program.main.name == net.card.main


@pytest.mark.parametrize("name", ["perceptron", "hopfield", "hopfield:tiny"])
def test_learns_on_the_board(name: str) -> None:
    """Starting from nothing, taught on the emulated board, the network comes within a point of its trained figure."""
    net = network.load(name)
    board = net.card.board[net.size]
    if reason := emulate.available(find.load("boards", board, "board").BOARD):
        pytest.skip(reason)
    report = evaluate(pz.compile(net, board=board), samples=200 if name == "perceptron" else 16)
    assert report.learning is not None
    assert report.accuracy is not None
    assert report.learning.accuracy_after >= report.accuracy - 0.01
    assert report.learning.accuracy_before < 0.6


def test_weights_learnt_on_the_board_are_pytorchs() -> None:
    """The perceptron's weights after 60 lessons on an emulated chip equal those of the module's own method."""
    torch = pytest.importorskip("torch")
    module = find.load("zoo", "perceptron", "network")
    _, lessons, _ = module.lessons()
    model = module.build("untrained")
    with pz.compile("perceptron:untrained", board="pico").session() as s, torch.no_grad():
        for x, target in lessons[:60]:
            want = model.learn(torch.from_numpy(x), torch.from_numpy(target))
            assert s.call("learn", x, target)[0].tolist() == want.tolist()
        assert s.get_state("w").tolist() == model.get_buffer("w").tolist()


def test_bisect_names_the_broken_layer() -> None:
    fw = pz.compile("lenet5", board="nano33ble")
    assert bisect(fw) is None
    source = fw.model.files["lenet5.c"]
    at = source.index("{", source.index("lenet5_f6_bias[84] =")) + 1
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
