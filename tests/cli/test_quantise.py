"""Quantising what is not yet quantised: calibration files, the report of each layer, remedies, and bad input."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import picozoo as pz
from picozoo.artefact import save_program
from picozoo.compress import accuracy, samples
from picozoo.errors import UsageError
from picozoo.ir.text import parse_program

from .conftest import Run

RNG = np.random.default_rng(5)
CALLS = RNG.normal(0, 1, (40, 1, 6)).astype(np.float32)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A float network of two layers without calibration data, as a user would have it."""
    text = (
        'program "mine"\n'
        "const @w1: f32[8,6]\nconst @b1: f32[8]\nconst @w2: f32[3,8]\nconst @b2: f32[3]\n"
        "func forward(%x: f32[1,6]) -> (%y) {\n"
        '  %h: f32[1,8] = linear(%x, @w1, @b1) {"act": "relu"} #["first", ""]\n'
        '  %y: f32[1,3] = linear(%h, @w2, @b2) {"act": "none"} #["last", ""]\n}\n'
    )
    program = parse_program(text)
    rng = np.random.default_rng(1)
    for ref, t in program.constant_types.items():
        program.constants[ref] = rng.normal(0, 0.5, t.shape).astype(np.float32)
    path = tmp_path / "mine.pz"
    save_program(program, path)
    return path


def data(folder: Path, kind: str) -> Path:
    """The same calls as one .npy, an .npz, and a folder with a file a call."""
    path = folder / f"calls{kind}"
    if kind == ".npy":
        np.save(path, CALLS)
    elif kind == ".npz":
        np.savez(path, x=CALLS)
    else:
        path.mkdir()
        for k, x in enumerate(CALLS):
            np.save(path / f"{k:03}.npy", x)
    return path


@pytest.mark.parametrize("kind", [".npy", ".npz", ""])
def test_calibrate(run: Run, net: Path, tmp_path: Path, kind: str) -> None:
    """Every form of the data gives the same int8 program, from the command line and in Python."""
    path = data(tmp_path, kind)
    done = run("compile", net, "-b", "pico", "--int8", "--calibrate", path, "-o", tmp_path / "out", "--json")
    assert (done.code, json.loads(done.out)["precision"]) == (0, "int8")
    fw = pz.compile(net, board="pico", calibrate=CALLS)
    assert (tmp_path / "out" / "src" / "mine.c").exists() or list((tmp_path / "out").rglob("mine.c"))
    assert next((tmp_path / "out").rglob("mine.c")).read_text() == fw.model.files["mine.c"]


def test_run_reports_the_layers(run: Run, net: Path, tmp_path: Path) -> None:
    path = data(tmp_path, ".npy")
    done = run("run", net, "-b", "host", "--calibrate", path, "--json")
    (report,) = json.loads(done.out)
    assert report["precision"] == "int8"
    assert [v["name"] for v in report["quantisation"]] == ["first", "last"]
    assert all(25 < v["snr_db"] < 60 and v["own_db"] >= v["snr_db"] - 1 for v in report["quantisation"])
    assert "What each layer lost to int8" in (tmp_path / "report.html").read_text()


def test_quantise(run: Run, net: Path, tmp_path: Path) -> None:
    done = run("quantise", net, "--calibrate", data(tmp_path, ".npy"), "--json")
    found = json.loads(done.out)
    assert done.code == 0
    by_option = {r["option"]: r for r in found["remedies"]}
    # all in float loses nothing in that layer: it must help, and the gain must be what the two figures say
    best = by_option["--keep-float last"]
    assert best["gain_db"] > 0
    assert best["gain_db"] == pytest.approx(best["snr_db"] - found["snr_db"], abs=0.011)
    assert {"--method percentile", "--method minmax", "--int16 first --int16 last"} <= set(by_option)
    assert found["calls"] == 32  # those that were compared, of 40
    again = run(
        "quantise", net, "--calibrate", tmp_path / "calls.npy", "--keep-float", "last", "--json", "--no-remedies"
    )
    assert json.loads(again.out)["snr_db"] == pytest.approx(best["snr_db"], abs=0.011)
    shown = run("quantise", net, "--calibrate", tmp_path / "calls.npy").out
    assert "--keep-float last" in shown
    assert "first" in shown


def test_causes() -> None:
    """The largest of three parts; what none of them explains is inside; values out of range are clipping."""
    row = accuracy.LayerAccuracy("a", "gru", "forward", "i8", 30, 30, 40, 50, 31, 0.0)
    assert row.cause == "output"
    assert dataclasses.replace(row, clipped=0.01).cause == "clipping"
    assert dataclasses.replace(row, output_db=45, own_db=30).cause == "inside"


def test_noise_is_what_it_says(net: Path) -> None:
    """Against sums of squares written out here, for the first layer, whose inputs nothing has rounded before."""
    fw = pz.compile(net, board="host", calibrate=CALLS)
    first, last = accuracy.layers(fw.float_program, fw.program, fw.network.calibration.calls(), 40)  # type: ignore[union-attr]
    y, q = [], []
    from picozoo.ir.interp import Interpreter

    for x in CALLS:
        y.append(Interpreter(fw.float_program).call("forward", x)[0])
        t = fw.program.main.types[fw.program.main.params[0]]
        out = fw.program.main.types[fw.program.main.results[0]]
        raw = Interpreter(fw.program).call("forward", accuracy.to_type(x, t))[0]
        q.append((raw.astype(np.float64) - out.quant.zero_point[0]) * out.quant.scale[0])  # type: ignore[union-attr]
    want = 10 * np.log10((np.array(y, np.float64) ** 2).sum() / ((np.array(y) - np.array(q)) ** 2).sum())
    assert last.snr_db == pytest.approx(want, abs=0.01)
    assert first.own_db == pytest.approx(first.snr_db, abs=0.01)


@pytest.mark.parametrize("layers", [["first"], ["last"], ["first", "last"]])
def test_int16(run: Run, net: Path, tmp_path: Path, layers: list[str]) -> None:
    """Named layers work on int16: less noise, the same bits on every board, and what LiteRT's rule says of types."""
    fw = pz.compile(net, board="nano33ble", calibrate=CALLS, int16=layers)
    f = fw.program.main
    for n in f.nodes:
        if n.name in ("first", "last"):
            x, w, y = (fw.program.type_of(f, r) for r in (*n.inputs[:2], n.outputs[0]))
            assert (x.dtype, w.dtype, y.dtype) == ("i16", "i8", "i16") if n.name in layers else ("i8", "i8", "i8")
            assert y.quant is not None and (n.name not in layers or y.quant.zero_point == (0,))
    before = pz.compile(net, board="host", calibrate=CALLS)
    calls = list(fw.network.calibration.calls())  # type: ignore[union-attr]
    gain = accuracy.outputs_db(fw.float_program, fw.program, calls) - accuracy.outputs_db(
        before.float_program, before.program, calls
    )
    assert gain > (1.5 if len(layers) == 2 else 0)
    rows = accuracy.layers(fw.float_program, fw.program, calls)
    assert [r.dtype for r in rows] == ["i16" if r.name in layers else "i8" for r in rows]
    np.save(tmp_path / "calls.npy", CALLS)
    words = [w for name in layers for w in ("--int16", name)]
    done = run(
        "run", net, "-b", "host,nano33ble,uno", "--calibrate", tmp_path / "calls.npy", *words, "--check", "--no-html"
    )
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--calibrate", "nothing.npy"], "no such file"),
        (["--calibrate", "bad.npy"], "not a .npy file"),
        (["--calibrate", "pickled.npy"], "not a .npy file"),
        (["--calibrate", "short.npy"], "expected calls x [1, 6]"),
        (["--calibrate", "two.npz"], "takes 1 inputs (x), the file holds 2"),
        (["--calibrate", "."], "different shapes"),
        ([], "--calibrate"),
        (["--calibrate", "good.npy", "--int16", "nowhere"], "no layer is called nowhere; layers: first, last"),
        (["--calibrate", "good.npy", "--keep-float", "last", "--int16", "last"], "choose one"),
        (["--calibrate", "good.npy", "--precision", "float32"], "exclude each other"),
    ],
)
def test_bad_input(run: Run, net: Path, words: list[str], told: str) -> None:
    np.save("good.npy", CALLS)
    np.save("short.npy", CALLS.reshape(-1)[:7])
    np.savez("two.npz", a=CALLS, b=CALLS)
    Path("bad.npy").write_bytes(b"\x93NUMPY nonsense")
    np.save("pickled.npy", np.array([{}, 1], object), allow_pickle=True)
    if words[1:2] == ["."]:
        for name in ("bad.npy", "pickled.npy", "two.npz"):
            Path(name).unlink()
    done = run("run", net, "-b", "host", "--int8", *words)
    assert done.code in (1, 2)
    assert told in done.err, done.err
    assert done.err.count("\n") == 1


def test_several_inputs_by_name_or_order(tmp_path: Path) -> None:
    a, b = np.zeros((3, 2)), np.ones((3, 4))
    np.savez(tmp_path / "named.npz", second=b, first=a)
    np.savez(tmp_path / "plain.npz", a, b)
    for name in ("named.npz", "plain.npz"):
        got = samples.read(tmp_path / name, ["first", "second"])
        assert [g.shape for g in got] == [(3, 2), (3, 4)]
    with pytest.raises(UsageError, match="takes 2 inputs"):
        samples.read(data(tmp_path, ".npy"), ["first", "second"])
