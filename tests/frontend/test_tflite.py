"""Real TFLite files, from the file to the chip: results equal LiteRT's reference kernels at every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picozoo import emulate
from picozoo.compiler import Options, compile, compile_network, get_board
from picozoo.errors import UsageError
from picozoo.evaluate import evaluate
from picozoo.ir.interp import Interpreter
from picozoo.network import load

from .tflite_models import Machine, data_folder, draw, litert, reference

INT8 = {
    "mlperf_tiny/ad01_int8.tflite": "ad",
    "mlperf_tiny/kws_ref_model.tflite": "kws",
    "mlperf_tiny/pretrainedResnet_quant.tflite": "ic",
    "tflite_micro/hello_world_int8.tflite": "",
    "tflite_micro/micro_speech_quantized.tflite": "",
    "tflite_micro/simple_add_model.tflite": "",
    "tflite_micro/keyword_scrambled.tflite": "",
    "tflite_micro/micro_speech_lstm.tflite": "",
}
FLOAT = ("ad01_fp32.tflite", "pretrainedResnet.tflite", "kws_ref_model_float32.tflite")


def inputs_of(path: Path, rng: np.random.Generator) -> list[np.ndarray]:
    machine = litert.Interpreter(model_path=str(path))
    return [draw(tuple(d["shape"]), np.dtype(d["dtype"]).name, rng) for d in machine.get_input_details()]


@pytest.mark.parametrize("name", INT8)
def test_integers_equal_litert(name: str) -> None:
    path, rng = data_folder() / name, np.random.default_rng(5)
    twin, machine = Interpreter(load(path).program), Machine(path.read_bytes())
    for _ in range(12 if twin.state else 3):
        xs = inputs_of(path, rng)
        for got, want in zip(twin.call("forward", *xs), machine.call(xs), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", [n for n, short in INT8.items() if short])
def test_recorded_outputs(name: str) -> None:
    path = data_folder() / name
    program = load(path).program
    stem = path.parent / "reference" / INT8[name]
    x = np.fromfile(stem.with_suffix(".in"), np.int8).reshape(program.main.types[program.main.params[0]].shape)
    got = Interpreter(program).call("forward", x)[0].reshape(-1)
    np.testing.assert_array_equal(got, np.fromfile(stem.with_suffix(".out"), np.int8))


@pytest.mark.parametrize("name", [*(f"mlperf_tiny/{n}" for n in FLOAT), "tflite_micro/hello_world_float.tflite"])
def test_floats_equal_litert(name: str) -> None:
    path, rng = data_folder() / name, np.random.default_rng(5)
    net = load(path)
    fw = compile_network(net, get_board("host"), Options())
    assert fw.precision == "float32"
    with fw.session() as s:
        for _ in range(3):
            xs = inputs_of(path, rng)
            want = reference(path.read_bytes(), xs)
            for got in (Interpreter(net.program).call("forward", *xs), s.call("forward", *xs)):
                for g, w in zip(got, want, strict=True):
                    np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-5 * float(np.abs(w).max()))


@pytest.mark.parametrize("board", ["host", "nano33ble"])
@pytest.mark.parametrize("name", INT8)
def test_c_equals_litert(name: str, board: str) -> None:
    if reason := emulate.available(get_board(board)):
        pytest.skip(reason)
    path, rng = data_folder() / name, np.random.default_rng(6)
    fw, machine = compile_network(load(path), get_board(board), Options()), Machine(path.read_bytes())
    assert fw.precision == "int8"
    with fw.session() as s:
        for _ in range(2):
            xs = inputs_of(path, rng)
            for got, want in zip(s.call("forward", *xs), machine.call(xs), strict=True):
                np.testing.assert_array_equal(got, want)


def test_report_of_a_file() -> None:
    path = data_folder() / "mlperf_tiny" / "ad01_int8.tflite"
    fw = compile_network(load(path), get_board("nucleo_l4r5zi"), Options())
    report = evaluate(fw, samples=0)
    assert (report.precision, report.macs, report.agreement) == ("int8", 264192, 1.0)
    with pytest.raises(UsageError, match="stored in int8"):
        compile_network(load(path), get_board("host"), Options(precision="float32"))


def test_float_file_becomes_int8_with_calibration() -> None:
    x = np.random.default_rng(0).uniform(0, 255, (4, 1, 32, 32, 3)).astype(np.float32)
    fw = compile(data_folder() / "mlperf_tiny" / "pretrainedResnet.tflite", board="host", calibrate=x)
    types = [fw.program.main.types[n.outputs[0]].dtype for n in fw.program.main.nodes]
    assert fw.precision == "int8"
    assert types[:14] == ["i8"] * 14  # to the last addition and the pooling after it
    assert np.abs(fw.run(x[0]) - Interpreter(fw.float_program).call("forward", x[0])[0]).max() < 0.2


def test_svdf_with_narrow_state_runs() -> None:
    """LiteRT cannot run this one (`ops/svdf.py`): C and interpreter agree, and the operator has a test of its own."""
    path, rng = data_folder() / "tflite_micro" / "keyword_scrambled_8bit.tflite", np.random.default_rng(6)
    fw = compile_network(load(path), get_board("host"), Options())
    twin = Interpreter(fw.program)
    with fw.session() as s:
        for _ in range(40):
            x = rng.integers(-5000, 5000, (1, 96)).astype(np.int16)
            np.testing.assert_array_equal(s.call("forward", x)[0], twin.call("forward", x)[0])
