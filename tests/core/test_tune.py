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
from picozoo.zoo import lenet5

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
