"""Bands of rows as loops: equal bands lie in one place, every turn is what the memory plan says, and the C is right."""

from __future__ import annotations

import re

import numpy as np
import pytest

from picozoo import build, emulate, find
from picozoo import compile as compile_network
from picozoo.emit import roll as rolling
from picozoo.emit.c_model import Model, emit
from picozoo.emit.roll import roll
from picozoo.errors import InvalidProgram
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.ladder import bisect
from picozoo.passes._stream import Section, stream
from picozoo.plan import arena
from picozoo.plan.arena import Life, Overlap, Plan, meetings, plan_program
from picozoo.plan.check import check_plan
from picozoo.plan.tied import tied
from tests.core.test_bands import TARGET, Chain, drawn, mobile, planned


def told(code: str, turn: int) -> str:
    """C with the loop variable replaced by its value, places added up."""
    text = re.sub(r"\bturn\b", str(turn), code)
    return re.sub(r"(?<=arena \+ )[-\d +*]+", lambda m: str(eval(m[0])), text)


def test_every_turn_is_the_layer_it_stands_for() -> None:
    """Random sequences of layers with loops in them; each call, worked out by Python, is the code it was made from."""
    rng, looped = np.random.default_rng(3), 0
    for _ in range(40):
        names, codes = [], []
        for _ in range(int(rng.integers(1, 4))):
            period, turns = int(rng.integers(1, 5)), int(rng.integers(1, 7))
            kinds, steps = rng.integers(0, 3, period), rng.integers(-2, 3, (period, 2)) * 8
            for t in range(turns):
                for kind, (a, b) in zip(kinds, steps, strict=True):
                    names.append(f"layer{kind}")
                    codes.append(f"f(pz->arena + {200 + t * a}, w, pz->arena + {400 + t * b}, 7);")
        parts, calls = roll(names, codes)
        for code, call, name in zip(codes, calls, names, strict=True):
            assert told(call.code, call.turn or 0) == code and names[call.owner] == name
        assert [k for p in parts for k in range(p.start, p.stop)] == list(range(len(codes)))
        for p in parts:
            for k in range(p.start, p.stop):  # what the loop is told is the turn
                call, t = calls[k], (k - p.start) // p.period
                assert call.owner == calls[p.start + (k - p.start) % p.period].owner
                assert p.turns == 1 or call.turn in (None, t)
        looped += any(p.turns > 2 for p in parts)
    assert looped > 20


def test_a_wrong_turn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling.Code, "at", lambda self, steps: f"f(pz->arena + 1 + 8 * {rolling.TURN});")
    with pytest.raises(InvalidProgram, match="turn 0 of a"):
        roll(["a"] * 3, [f"f(pz->arena + {k});" for k in (0, 8, 16)])


def test_only_bands_that_never_meet_are_put_together() -> None:
    lives = [Life(8, 0, 1), Life(8, 2, 3), Life(8, 3, 4), Life(4, 5, 6)]
    bodies = [((k, 0),) for k in range(4)]
    near = meetings(lives, {})
    assert tied(bodies, ["a"] * 4, lives, near, 4) == [((0, 0), (1, 0), (3, 4)), ((2, 0),)]
    names = ["a", "", "a", "a"]
    assert tied(bodies, names, lives, near, 4, (0, 1)) == [((1, 0),), ((0, 0), (2, 0)), ((3, 0),)]
    assert tied(bodies, names, lives, near, 4, (1, 0)) == [((1, 0),), ((0, 0),), ((2, 0), (3, 4))]
    assert tied(bodies, names, lives, near, 4, (1, 1)) == [((1, 0),), ((0, 0),), ((2, 0),), ((3, 0),)]
    over = meetings(lives, {(1, 2): Overlap(0)})  # rows that are kept, over the window they come from
    assert tied(bodies, ["a"] * 4, lives, over, 4) == [((0, 0), (1, 0), (2, 0), (3, 4))]


@pytest.fixture(scope="module")
def made() -> tuple[Program, Plan, Model]:
    program, plan = planned(mobile(np.random.default_rng(1)))
    return program, plan, emit(program, plan, TARGET, share="all")


def test_bands_are_loops_and_need_no_more_ram(
    made: tuple[Program, Plan, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, plan, model = made
    text = model.files["chain.c"]
    assert "for (int turn = 0;" in text
    assert text.count("PZ_LAYER void") < 0.7 * len(model.layers)
    monkeypatch.setattr(arena, "FREE", ())
    apart = plan_program(program, TARGET)
    check_plan(program, apart, TARGET)
    assert plan.arena <= apart.arena
    assert emit(program, apart, TARGET).files["chain.c"].count("PZ_LAYER void") >= text.count("PZ_LAYER void")


@pytest.mark.parametrize("board", ["host", pytest.param("pico", marks=pytest.mark.slow)])
def test_loops_in_c_give_the_same_bits(made: tuple[Program, Plan, Model], board: str) -> None:
    where = find.load("boards", board, "board").BOARD
    if reason := emulate.available(where):
        pytest.skip(reason)
    program, _, model = made
    sources = {**model.files, "pz_instance.c": '#include "chain.h"\nchain_t pz_net __attribute__((aligned(16)));\n'}
    image = build.build(sources, where, roots=["pz_net", "chain_init", "chain_forward"], const_prefix="chain_")
    entry, x = model.entries["forward"], drawn(np.random.default_rng(2), program.main.types["%x"])
    with emulate.open_machine(image) as machine:
        base = machine.address("pz_net")
        machine.write(base + entry.inputs[0].offset, x.tobytes())
        machine.call(entry.symbol, base)
        got = machine.read(base + entry.outputs[0].offset, entry.outputs[0].type.nbytes)
    assert got == Interpreter(program).call("forward", x)[0].tobytes()


@pytest.mark.slow
def test_the_ladder_steps_through_turns() -> None:
    """Each band alone on the board, told its turn, gives what the interpreter gives."""
    fw = compile_network("lenet5", board="nano33ble", prefer="ram")
    if reason := emulate.available(fw.board):
        pytest.skip(reason)
    assert any(v.turn for v in fw.model.layers)
    assert bisect(fw) is None


def test_first_and_last_bands_are_the_same_code() -> None:
    """Rows of padding are written round copied rows of the image: no band of the first layer knows of the edge."""
    c = Chain(np.random.default_rng(4), "forward", (1, 24, 8, 4))
    c.conv(8, (3, 3), 1, (1, 1, 1, 1))
    c.conv(8, (3, 3), 2, (0, 1, 0, 1))
    p = c.done()
    q = stream(p, p.main, Section(tuple(p.main.nodes), "%x", c.ref), 1, 4)
    first = [n for n in q.main.nodes if n.op == "conv2d" and n.name.startswith("l0~")]
    assert len(first) == 12 and {n.attrs.pad for n in first} == {(0, 0, 1, 1)}
    assert {q.main.types[n.inputs[0]].shape for n in first} == {(1, 4, 8, 4)}
    x = drawn(np.random.default_rng(2), p.main.types["%x"])
    assert np.array_equal(Interpreter(q).call("forward", x)[0], Interpreter(p).call("forward", x)[0])
