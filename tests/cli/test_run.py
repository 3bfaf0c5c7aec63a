"""run and bisect: on the host and on the emulated boards that come with picozoo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picozoo import compile as compile_network
from picozoo import ladder, network
from picozoo.artefact import load_network, save_program
from picozoo.report.data import Report

from .conftest import Run

# A public interface: these keys may only be added to.
KEYS = {
    "name",
    "board",
    "core",
    "precision",
    "accuracy",
    "accuracy_float",
    "agreement",
    "macs",
    "instructions",
    "cycles_predicted",
    "cycles_error",
    "ms_predicted",
    "uj_predicted",
    "flash_code",
    "flash_const",
    "ram_arena",
    "ram_state",
    "ram_stack",
    "emulator",
    "compiler",
    "layers",
}


def test_json(run: Run) -> None:
    said = run("run", "perceptron", "--board", "nano33ble", "--samples", 20, "--json", "--no-html")
    assert said.code == 0
    (found,) = json.loads(said.out)
    assert set(found) >= KEYS
    assert found["agreement"] == 1.0 and found["samples"] == 20 and found["instructions"] > 1000
    assert Report.from_json(found).board == "nano33ble"
    assert not list(Path.cwd().iterdir())


def test_the_board_of_the_card_is_the_default(run: Run, tmp_path: Path) -> None:
    (row,) = json.loads(run("run", "hopfield:tiny", "-n", "0", "--no-html", "--json").out)
    assert row["board"] == "uno"
    (tmp_path / "mine.pz").write_bytes((network.ARTEFACTS / "rbf.pz").read_bytes())
    program, _ = load_network(tmp_path / "mine.pz")
    program.meta = {}
    save_program(program, tmp_path / "mine.pz")
    said = run("run", str(tmp_path / "mine.pz"))
    assert said.code == 2
    assert "mine.pz needs --board B. 'picozoo fit" in said.err


def test_table_and_page(run: Run) -> None:
    said = run("run", "perceptron", "-b", "nano33ble", "-n", "10")
    assert said.code == 0
    for words in ("Mark I Perceptron", "Arduino Nano 33 BLE", "bit for bit", "predicted", "gather_1", "report.html"):
        assert words in said.out
    page = Path("report.html").read_text()
    assert "picozoo run perceptron --board nano33ble --samples 10" in page


def test_boards_side_by_side(run: Run) -> None:
    said = run("run", "lenet5", "-b", "nano33ble,uno", "-b", "host", "-n", "4", "--html", "x.html")
    assert said.code == 1
    assert "Arduino Nano 33 BLE" in said.out and "This machine" in said.out
    assert "uno: lenet5 needs" in said.out.replace("\n", " ") and Path("x.html").is_file()
    rows = json.loads(run("run", "lenet5", "-b", "uno,host", "-n", "4", "--no-html", "--json").out)
    assert set(rows[0]) == {"name", "board", "error"} and rows[1]["board"] == "host"


def test_missing_emulator_is_a_row(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picozoo.emulate.simavr.available", lambda: "run 'apt install simavr'")
    said = run("run", "perceptron", "-b", "uno,host", "-n", "4", "--no-html")
    assert said.code == 1 and "uno: run 'apt install simavr'" in said.out and "This machine" in said.out


def test_same_options_again(run: Run) -> None:
    run("run", "lenet5", "-b", "host", "-n", "0", "--precision", "float32", "--prefer", "size")
    assert "--samples 0 --precision float32 --prefer size" in Path("report.html").read_text()


def test_no_samples_gives_costs(run: Run) -> None:
    (found,) = json.loads(run("run", "perceptron", "-b", "pico", "-n", "0", "--json", "--no-html").out)
    assert found["accuracy"] is None and found["samples"] == 1 and found["instructions"] > 1000


def lenet_inputs() -> tuple[np.ndarray, Any]:
    from picozoo.network import load

    net = load("lenet5")
    assert net.calibration is not None
    return np.asarray(net.calibration.inputs[0][3], np.float32), net


def test_one_call_float_and_raw(run: Run) -> None:
    x, _ = lenet_inputs()
    np.save("x.npy", x)
    said = run("run", "lenet5", "-b", "nano33ble", "--input", "x.npy", "--output", "y.npy")
    assert said.code == 0, said.err
    y = np.load("y.npy")
    assert y.dtype == np.int8 and y.shape == (1, 10)
    # what was quantised here, given as integers and as raw bytes, gives the same
    q = np.clip(np.round(x / np.float32(1 / 255)) - 128, -128, 127).astype(np.int8)
    np.save("q.npy", q)
    Path("q.bin").write_bytes(q.tobytes())
    for name in ("q.npy", "q.bin"):
        assert run("run", "lenet5", "-b", "host", "--input", name, "--output", "z.bin").code == 0
        assert Path("z.bin").read_bytes() == y.tobytes()
    (found,) = json.loads(run("run", "lenet5", "-b", "host", "--input", "x=x.npy", "--real", "--json").out)
    assert found["outputs"][0]["dtype"] == "float32" and int(np.argmax(found["outputs"][0]["values"])) == int(
        y.argmax()
    )


def test_one_call_of_another_function(run: Run) -> None:
    x, target = np.zeros(400, np.int8), np.ones(1, np.int32)
    x[::3] = 1
    np.save("x.npy", x)
    np.save("t.npy", target)
    Path("both.bin").write_bytes(x.tobytes() + target.astype("<i4").tobytes())
    second = compile_network("perceptron", board="host").model.entries["learn"].inputs[1].name
    ways = (
        ["--input", "x=x.npy", "--input", f"{second}=t.npy"],
        ["--input", "x.npy", "--input", "t.npy"],
        ["--input", "both.bin"],
    )
    answers = set()
    for words in ways:
        said = run("run", "perceptron", "-b", "host", "--function", "learn", *words)
        assert said.code == 0, said.err
        answers.add(said.out)
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--input", "short.bin"], "input x is i8[1, 1, 28, 28], 784 bytes; the file has 5"),
        (["--input", "wrong.npy"], "input x must have shape [1, 1, 28, 28], got [3]"),
        (["--input", "wide.npy"], "takes i8 integers as they are, or real numbers as floats; got int32"),
        (["--input", "text.npy"], "not a .npy file of numbers"),
        (["--input", "objects.npy"], "not a .npy file of numbers"),
        (["--input", "gone.npy"], "gone.npy: No such file"),
        (["--input", "y=wide.npy"], "no input is called 'y'"),
        (["--input", "wide.npy", "--input", "wide.npy"], "is given twice"),
        (["--input", "wide.npy", "--function", "backward"], "no function is called 'backward'; did you mean forward?"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_bad_inputs(run: Run, tmp_path: Path, words: list[str], sentence: str) -> None:
    (tmp_path / "short.bin").write_bytes(b"12345")
    np.save(tmp_path / "wrong.npy", np.zeros(3, np.float32))
    np.save(tmp_path / "wide.npy", np.zeros((1, 1, 28, 28), np.int32))
    (tmp_path / "text.npy").write_text("no numbers")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    said = run("run", "lenet5", "-b", "host", *words, "--output", "y.npy")
    assert said.code in (1, 2) and sentence in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "y.npy").exists()


def test_check(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rungs = [
        ladder.Rung("host (native)", "interpreter", 24, 0.0, True),
        ladder.Rung("pico", "interpreter", 24, 3.0, False, "layer 'add'"),
    ]
    monkeypatch.setattr(ladder, "check", lambda *_: rungs[:1])
    said = run("run", "perceptron", "-b", "host", "-n", "2", "--check", "--no-html")
    assert said.code == 0 and "Verification ladder" in said.out and "equal" in said.out
    monkeypatch.setattr(ladder, "check", lambda *_: rungs)
    said = run("run", "perceptron", "-b", "host", "-n", "2", "--check", "--no-html", "--json")
    assert said.code == 1 and json.loads(said.out)[0]["check"][1]["first_difference"] == "layer 'add'"


@pytest.mark.slow
def test_check_for_real(run: Run) -> None:
    said = run("run", "perceptron", "-b", "pico", "-n", "2", "--check", "--no-html")
    assert said.code == 0, said.out


def test_bisect(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("bisect", "perceptron", "-b", "host")
    assert said.code == 0 and "every layer gives what the reference gives" in said.out
    finding = ladder.Finding("conv1", "forward", "lenet5.py:31", "conv2d", 3.0, [1.0], [4.0])
    monkeypatch.setattr(ladder, "bisect", lambda *_: finding)
    said = run("bisect", "perceptron", "-b", "host")
    assert said.code == 1 and "first difference: layer 'conv1' (lenet5.py:31), operator conv2d" in said.out
    assert json.loads(run("bisect", "perceptron", "-b", "host", "--json").out)["first_difference"]["worst"] == 3.0
