"""--tune: forms of layers give the same results, and what is chosen is never worse by its own measure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from picozoo import compile as compile_network
from picozoo import emulate, tune
from picozoo.compiler import to_slot
from picozoo.errors import Unsupported, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.ladder import bisect
from picozoo.network import Network
from picozoo.zoo import lenet5
from tests.core.test_bands import Chain

BOARD = "nucleo_l4r5zi"


@pytest.fixture(autouse=True)
def _emulator() -> None:
    if reason := emulate.available(compile_network("perceptron", board=BOARD).board):
        pytest.skip(reason)


@pytest.mark.parametrize("board", [BOARD, "pico"])
@pytest.mark.parametrize("form", ["plain", "plain+small", "pair", "wide+fast", "mul32", "small"])
def test_every_form_gives_the_same_bits(board: str, form: str) -> None:
    own = compile_network("lenet5", board=board)
    forms = [f"{v.name}={form}" for v in own.model.layers if all(w in (*v.forms, *tune.HOW) for w in form.split("+"))]
    if not forms:
        pytest.skip(f"no layer has the form {form} on {board}")
    fw = compile_network("lenet5", board=board, forms=forms)
    if form not in ("pair", "mul32"):  # what the operators take anyway, or may
        assert fw.model.files != own.model.files
    x, _ = lenet5.inputs("test", limit=2)
    entry, reference = fw.model.entries["forward"], Interpreter(fw.program)
    with fw.session() as session:
        for digit in x:
            raw = to_slot(digit, entry.inputs[0])
            assert np.array_equal(session.call("forward", raw)[0], reference.call("forward", raw)[0])


@pytest.mark.parametrize("prefer", ["speed", "balanced", "size"])
def test_never_worse_by_its_measure(prefer: str) -> None:
    plain = compile_network("lstm_activity", board=BOARD, prefer=prefer)
    tuned = compile_network("lstm_activity", board=BOARD, prefer=prefer, tune=True)
    old, new = tune._run(plain, ()).total, tune._run(tuned, ()).total
    assert tune._measure(new, old, prefer) <= tune._measure(old, old, prefer)
    again = compile_network("lstm_activity", board=BOARD, prefer=prefer, forms=tuned.options.forms)
    assert again.model.files == tuned.model.files and again.image.path == tuned.image.path


def _network(rng: np.random.Generator) -> Program:
    """Two convolutions over 12 x 12 x 4 and what is left: with bands of rows, padded windows between them."""
    c = Chain(rng, "forward", (1, 12, 12, 4))
    c.conv(8, (3, 3), 1, (1, 1, 1, 1))
    c.conv(8, (3, 3), 2, (1, 0, 1, 0))
    c.conv(4, (1, 1), 1, (0,) * 4)
    return c.done()


@pytest.mark.slow
def test_bands_are_tuned_as_whole_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more RAM, the same bits, and forms are told by the name of the layer whatever stands between its bands."""
    monkeypatch.setattr(tune, "LEVELS", {"ram": ("-O2",)})  # fewer builds
    monkeypatch.setattr(tune, "_variants", lambda layers: ["", "plain", "pair+small"])
    net = Network(_network(np.random.default_rng(0)))
    plain = compile_network(net, board=BOARD, prefer="ram")
    assert plain.program.meta["bands"] and any("pad" in v.name for v in plain.model.layers)
    assert all("pair" in forms for name, forms in tune._forms(plain.model.layers).items())
    tuned = compile_network(net, board=BOARD, prefer="ram", tune=True)
    old, new = tune._run(plain, ()), tune._run(tuned, ())
    assert new.ram <= old.ram and tune._with_ram(new, old) <= tune._with_ram(old, old)
    x = np.random.default_rng(1).integers(-128, 128, (1, 12, 12, 4)).astype(np.int8)
    for forms in (tuned.options.forms, ["l0=plain", "l1=plain+small"]):
        fw = compile_network(net, board=BOARD, prefer="ram", forms=forms)
        with fw.session() as session:
            got = session.call("forward", x)[0]
        assert np.array_equal(got, Interpreter(net.program).call("forward", x)[0])
        assert bisect(fw) is None


def test_chosen_once_then_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    first = compile_network("perceptron", board=BOARD, tune=True)
    monkeypatch.setattr(tune, "_search", lambda *_: pytest.fail("it was measured again"))
    assert compile_network("perceptron", board=BOARD, tune=True).options == first.options


def test_forms_are_written_into_the_c() -> None:
    fw = compile_network("lenet5", board=BOARD, forms=["-Os", "c1=wide+small", "f6=plain"])
    text = fw.model.files["lenet5.c"]
    assert "forms -Os c1=wide+small f6=plain" in text.splitlines()[0] + text.splitlines()[1]
    assert "form wide+small" in text and "form plain" in text and "PZ_SMALL" in text
    assert fw.image.flash_code < compile_network("lenet5", board=BOARD, prefer="speed").image.flash_code


def test_what_cannot_be() -> None:
    for forms, said in (
        (["c1"], "LAYER=FORM or -O1"),
        (["c9=wide"], "c9"),
        (["c1=mul32"], "it has pair, wide, plain, small, fast"),
        (["pool=wide"], "it has small, fast"),
    ):
        with pytest.raises(UsageError, match=said):
            compile_network("lenet5", board=BOARD, forms=forms)
    with pytest.raises(Unsupported, match="this machine does not count"):
        compile_network("lenet5", board="host", tune=True)


def test_rule_of_balanced() -> None:
    first = (1000.0, 500.0)
    assert tune._measure((980.0, 505.0), first, "balanced") < tune._measure(first, first, "balanced")
    assert tune._measure((995.0, 505.0), first, "balanced") > tune._measure(first, first, "balanced")
    assert json.loads(json.dumps(tune.split(("-O3", "a=b"))[0])) == "-O3"
