"""The IR: printing and parsing back, the verifier, artefact files and what damaged ones do."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picozoo import network
from picozoo.artefact import load_network, save_program
from picozoo.errors import BadFile, InvalidProgram, PicozooError
from picozoo.ir.interp import Interpreter
from picozoo.ir.program import Program
from picozoo.ir.text import attrs_from_json, parse_program
from picozoo.ir.verify import verify

SHIPPED = sorted(network.ARTEFACTS.glob("*.pz"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_artefact_round_trip(path: Path, tmp_path: Path) -> None:
    program, calibration = load_network(path)
    save_program(program, tmp_path / "again.pz", calibration)
    assert (tmp_path / "again.pz").read_bytes() == path.read_bytes()


def test_large_arrays_of_half_precision_numbers_take_half_the_room(tmp_path: Path) -> None:
    """Exact in float16: half the bytes and the same bits back, a -0 among them. One number that is not: whole bytes."""
    from picozoo.specs import TensorType

    rng, sizes, shipped = np.random.default_rng(0), [], load_network(network.ARTEFACTS / "rbf.pz")[0]
    for odd in (0.0, 1e-9, 70000.0, 1 + 2.0**-20):
        w = rng.normal(size=2000).astype(np.float16).astype(np.float32)
        w[:2] = -0.0, odd
        program = shipped.copy()
        ref = program.add_constant("more", w, TensorType((2000,)))
        save_program(program, tmp_path / "net.pz")
        again = load_network(tmp_path / "net.pz")[0].constants[ref]
        assert again.dtype == np.float32
        assert again.tobytes() == w.tobytes()
        sizes.append((tmp_path / "net.pz").stat().st_size)
    assert len({size - sizes[0] for size in sizes[1:]}) == 1
    assert abs(sizes[1] - sizes[0] - 4000) < 16  # the header is filled up to a whole number of words


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, _ = load_network(SHIPPED[0])
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        save_program(program, tmp_path / "net.pz")
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut, flipped and overwritten copies of real files: a sentence, or a program that passes the verifier."""
    rng, refused, named = random.Random(0), 0, 0
    originals = [p.read_bytes() for p in SHIPPED if p.stat().st_size < 50_000]
    for k in range(600):
        data = bytearray(rng.choice(originals))
        head = 8 + int.from_bytes(data[:8], "little")
        for _ in range(rng.randint(1, 4)):
            kind = rng.random()
            if kind < 0.2:
                del data[rng.randrange(len(data)) :]
            elif kind < 0.8 and data:
                data[rng.randrange(min(head, len(data)))] = rng.randrange(256)
            elif len(data) > 16:
                at = rng.randrange(len(data) - 8)
                data[at : at + 8] = rng.randbytes(8)
        path = tmp_path / f"{k}.pz"
        path.write_bytes(data)
        try:
            verify(load_network(path)[0])
        except BadFile as e:
            refused += 1
            named += str(path) in str(e)
        path.unlink()
    assert refused > 400
    assert named == refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "program 3",
        'program "p"',
        'program "p"\nfunc f(%x: f32[2]) -> (%x) {',
        'program "p"\nfunc f(%x: f32[-2]) -> (%x) {\n}',
        'program "p"\nfunc f(%x: f99[2]) -> (%x) {\n}',
        'program "p"\nfunc f(%x: f32[2]) -> (%y) {\n  %y: f32[2] = nonsense(%x) {} #["a", ""]\n}',
        'program "p"\nfunc f(%x: f32[2]) -> (%y) {\n  %y: f32[2] = relu(%x) {"nope": 1} #["a", ""]\n}',
        'program "p"\nfunc f(%x: f32[2]) -> (%y) {\n  %y: f32[2] = relu(%x) {} #["a"]\n}',
        'program "p"\nfunc f(%x: f32[2]) -> (%y) {\n  %y: f32[2] = transpose(%x) {"perm": ["a"]} #["a", ""]\n}',
        'program "p"\nconst @w: f32[99999999999999]\nfunc f() -> () {\n}',
        'program "p"\nconst @w: i8[2] q{"axis": 5, "scale": [1.0], "zero": [0]}\nfunc f() -> () {\n}',
        'program "p"\nconst @w: i8[2] q{"axis": null, "scale": [-1.0], "zero": [0]}\nfunc f() -> () {\n}',
        'program "p"\nmeta [[[[[[' + "[" * 100_000,
    ],
)
def test_bad_text_is_refused(text: str) -> None:
    with pytest.raises(PicozooError):
        verify(parse_program(text))


def tiny() -> Program:
    return parse_program(
        'program "p"\nfunc f(%x: f32[1,2]) -> (%b) {\n'
        '  %a: f32[1,2] = relu(%x) {} #["a", ""]\n  %b: f32[2,1] = transpose(%a) {"perm": [1, 0]} #["b", ""]\n}'
    )


def test_verifier_accepts_and_names_the_pass() -> None:
    verify(tiny())
    broken = tiny()
    f = broken.functions["f"]
    f.nodes = f.nodes[::-1]
    with pytest.raises(InvalidProgram, match=r"%a is not defined.*after pass 'shuffle'"):
        verify(broken, "shuffle")


def test_verifier_refuses() -> None:
    def broken(change: str) -> Program:
        p = tiny()
        f = p.functions["f"]
        if change == "shape":
            f.types["%b"] = f.types["%b"].with_(shape=(1, 2))
        elif change == "type":
            f.types["%a"] = f.types["%a"].with_(dtype="i8")
        elif change == "name":
            f.nodes[1] = replace(f.nodes[1], name="a")
        elif change == "twice":
            f.nodes.append(replace(f.nodes[0], name="c"))
        elif change == "result":
            f.results = ("%nowhere",)
        elif change == "update":
            f.updates["$s"] = "%a"
        elif change == "operator":
            f.nodes[0] = replace(f.nodes[0], op="relou")
        elif change == "constant":
            p.constants["@w"] = np.zeros(2, np.float32)
        return p

    for change in ("shape", "type", "name", "twice", "result", "update", "operator", "constant"):
        with pytest.raises(InvalidProgram):
            verify(broken(change))


def test_attributes_are_typed() -> None:
    with pytest.raises(BadFile, match="attribute perm"):
        attrs_from_json("transpose", {"perm": "x"})


def test_state_updates_together() -> None:
    """Two states that swap: both see the other's old value."""
    p = parse_program(
        'program "p"\nstate $a: f32[1]\nstate $b: f32[1]\n'
        "func f(%x: f32[1]) -> (%x) {\n  update $a = $b\n  update $b = $a\n}"
    )
    p.states = {"$a": np.array([1], np.float32), "$b": np.array([2], np.float32)}
    machine = Interpreter(verify(p))
    machine.call("f", np.zeros(1, np.float32))
    assert (machine.state["$a"][0], machine.state["$b"][0]) == (2, 1)
    machine.reset()
    assert machine.state["$a"][0] == 1
