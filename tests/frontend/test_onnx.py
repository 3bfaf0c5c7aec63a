"""ONNX files: what ONNX Runtime computes, picozoo computes; the node tests of ONNX; shapes, messages, options."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import MissingTool, Unsupported, UsageError
from picozoo.ir.interp import Interpreter
from picozoo.network import load

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from picozoo.frontend import _onnx_file  # noqa: E402
from picozoo.frontend import onnx as importer  # noqa: E402
from picozoo.frontend._onnx_builder import NeedsConstant  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
DATA = Path(os.environ.get("PICOZOO_DATA", "data")) / "models"
needs_data = pytest.mark.skipif(not (DATA / "onnx").is_dir(), reason="PICOZOO_DATA has no models")


def model(
    nodes: list[Any], inputs: dict[str, Any], outputs: list[str], constants: dict[str, np.ndarray], opset: int = 18
) -> bytes:
    """A file. Inputs: name -> shape (float32) or array (its type and shape)."""
    ins = []
    for name, x in inputs.items():
        kind = helper.np_dtype_to_tensor_dtype(x.dtype) if isinstance(x, np.ndarray) else TensorProto.FLOAT
        ins.append(helper.make_tensor_value_info(name, kind, x.shape if isinstance(x, np.ndarray) else x))
    outs = [helper.make_empty_tensor_value_info(o) for o in outputs]
    graph = helper.make_graph(nodes, "g", ins, outs, [numpy_helper.from_array(v, k) for k, v in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    known = all(n.domain == "" for n in nodes)
    return bytes((onnx.shape_inference.infer_shapes(made) if known else made).SerializeToString())


def both(data: bytes, inputs: dict[str, np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What picozoo's interpreter and ONNX Runtime give."""
    program = importer.from_bytes(data, "case")
    got = Interpreter(program).call("forward", *inputs.values())
    return got, ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, inputs)


def relative(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.abs(got.reshape(-1) - want.reshape(-1)).max() / np.abs(want).max())


# -- real models --------------------------------------------------------------------------------------------------
@needs_data
@pytest.mark.parametrize("name", ["mnist-8.onnx", "onnx2c_mnist/pytorch.onnx", "tfl_helloworld.onnx"])
def test_real_model_equals_onnx_runtime(name: str) -> None:
    path = DATA / "onnx" / name
    firmware = pz.compile(path, board="host")
    session = ort.InferenceSession(str(path))
    given = session.get_inputs()[0]
    x = np.random.default_rng(0).random([n if isinstance(n, int) else 1 for n in given.shape]).astype(np.float32)
    want = session.run(None, {given.name: x})[0]
    assert relative(firmware.run(x), want) < 1e-5


@needs_data
def test_real_model_gives_its_test_vectors_on_a_board() -> None:
    folder = DATA / "onnx" / "onnx2c_mnist"
    firmware = pz.compile(folder / "model.onnx", board="nano33ble")
    assert not [a for _, a, _ in _tables(firmware) if a.dtype == np.int64], "shape vectors are in flash"
    for case in sorted(folder.glob("test_data_set_*")):
        x, want = (numpy_helper.to_array(onnx.load_tensor(case / f"{k}_0.pb")) for k in ("input", "output"))
        assert relative(firmware.run(x), want) < 1e-5


def _tables(firmware: pz.Firmware) -> list[tuple[str, np.ndarray, str]]:
    used = {r for f in firmware.program.functions.values() for n in f.nodes for r in n.inputs if r[0] == "@"}
    return [(r, firmware.program.constants[r], "") for r in used]


# -- the ONNX project's node tests --------------------------------------------------------------------------------
@needs_data
@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_node_tests(every: int, tmp_path: Path) -> None:
    """Exactly those fail that the committed row names; at least 95 % of those with static shapes pass."""
    import onnx_node_tests

    archive = next((DATA / "onnx_node_tests").glob("*.tar.xz"))
    results = onnx_node_tests.run_all(onnx_node_tests.unpacked(archive, tmp_path), every=every, jobs=2)
    row = json.loads((ROOT / "results" / "onnx_nodes.json").read_text())
    failed = {r.name for r in results if r.state == "fail"}
    assert failed <= row["failures"].keys(), {r.name: r.detail for r in results if r.state == "fail"}
    if every == 1:
        found = onnx_node_tests.summary(results)
        assert found["percent"] >= 95
        for k in ("total", "static", "left_out"):
            assert found[k] == row[k]


# -- quantised forms ----------------------------------------------------------------------------------------------
def qdq_network(act: type, weights_axis: int) -> bytes:
    """quantize, conv + relu, pool, fully connected, all between pairs; per-channel weights."""
    rng, nodes, c = np.random.default_rng(1), [], {}
    zero = {"uint8": 128, "int8": 0}[np.dtype(act).name]

    def pair(x: str, scale: float, z: int) -> str:
        k = len(nodes)
        c[f"s{k}"], c[f"z{k}"] = np.float32(scale), np.array(z, act)
        nodes.append(helper.make_node("QuantizeLinear", [x, f"s{k}", f"z{k}"], [f"q{k}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{k}", f"s{k}", f"z{k}"], [f"d{k}"]))
        return f"d{k}"

    def constant(name: str, a: np.ndarray, scale: np.ndarray, axis: int) -> str:
        c[name], c[f"{name}_s"], c[f"{name}_z"] = a, scale.astype(np.float32), np.zeros(scale.shape, a.dtype)
        nodes.append(helper.make_node("DequantizeLinear", [name, f"{name}_s", f"{name}_z"], [f"{name}_f"], axis=axis))
        return f"{name}_f"

    x = pair("x", 0.02, zero)
    ws = np.linspace(0.004, 0.01, 6)
    w = constant("w", rng.integers(-127, 128, (6, 3, 3, 3)).astype(np.int8), ws, 0)
    b = constant("b", rng.integers(-500, 500, 6).astype(np.int32), ws * np.float32(0.02), 0)
    nodes.append(helper.make_node("Conv", [x, w, b], ["c"], pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Relu", ["c"], ["r"]))
    x = pair("r", 0.05, zero - 128 if act is np.int8 else 0)
    nodes.append(helper.make_node("MaxPool", [x], ["p"], kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(helper.make_node("Flatten", ["p"], ["f"]))
    m = constant("m", rng.integers(-127, 128, (96, 5)).astype(np.int8), np.full(5, 0.01), weights_axis)
    nodes.append(helper.make_node("MatMul", ["f", m], ["y"]))
    out = pair("y", 0.9, zero)
    return model(nodes, {"x": (1, 3, 8, 8)}, [out], c)


@pytest.mark.parametrize("act", [np.uint8, np.int8])
def test_qdq_becomes_integer_operators(act: type, tmp_path: Path) -> None:
    data = qdq_network(act, 1)
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    firmware = pz.compile(path, board="host", io="float32")
    kinds = [
        (n.op, firmware.program.type_of(firmware.program.main, n.outputs[0]).dtype) for n in firmware.program.main.nodes
    ]
    assert [k for k in kinds if k[0] in ("conv2d", "max_pool2d", "linear")] == [
        ("conv2d", "i8"),
        ("max_pool2d", "i8"),
        ("linear", "i8"),
    ]
    session = ort.InferenceSession(data)
    for k in range(4):
        x = np.random.default_rng(k).uniform(-2, 2, (1, 3, 8, 8)).astype(np.float32)
        want = session.run(None, {"x": x})[0]
        assert np.abs(firmware.run(x) - want).max() <= 0.9 * 1.01, "more than one unit from ONNX Runtime"


def test_quantize_linear_rounds_halves_to_even() -> None:
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1000, -1000], np.float32)
    for zero in (np.uint8(3), np.int8(-3), np.int16(7)):
        c = {"s": np.float32(1), "z": np.array(zero)}
        data = model([helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])], {"x": (8,)}, ["y"], c, 21)
        got, want = both(data, {"x": x})
        assert got[0].tolist() == want[0].tolist()


# -- recurrent layers ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent_layers(kind: str, direction: str) -> None:
    rng, d, n, i, b, t = np.random.default_rng(2), 1 + (direction == "bidirectional"), 4, 3, 2, 5
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    c = {
        "w": rng.normal(size=(d, gates * n, i)).astype(np.float32),
        "r": rng.normal(size=(d, gates * n, n)).astype(np.float32),
        "b": rng.normal(size=(d, 2 * gates * n)).astype(np.float32),
        "h": rng.normal(size=(d, b, n)).astype(np.float32),
    }
    ins, outs = ["x", "w", "r", "b", "", "h"], ["y", "yh"]
    if kind == "LSTM":
        c |= {"c": rng.normal(size=(d, b, n)).astype(np.float32), "p": rng.normal(size=(d, 3 * n)).astype(np.float32)}
        ins, outs = [*ins, "c", "p"], [*outs, "yc"]
    for after in (0, 1) if kind == "GRU" else (0,):
        extra = {"linear_before_reset": after} if kind == "GRU" else {}
        node = helper.make_node(kind, ins, outs, hidden_size=n, direction=direction, **extra)
        got, want = both(model([node], {"x": (t, b, i)}, outs, c), {"x": rng.normal(size=(t, b, i)).astype(np.float32)})
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("p", "axis"), [(1, 0), (2, -1)])
def test_lp_normalization(p: int, axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    x[1], x[:, 2] = 0, 0
    node = helper.make_node("LpNormalization", ["x"], ["y"], p=p, axis=axis)
    got, want = both(model([node], {"x": (3, 4)}, ["y"], {}), {"x": x})
    np.testing.assert_allclose(got[0], want[0], rtol=1e-6)


# -- shapes, functions, options -----------------------------------------------------------------------------------
def test_open_shapes_are_one_or_given() -> None:
    data = model([helper.make_node("Relu", ["x"], ["y"])], {"x": ("batch", 3, "n")}, ["y"], {})
    assert importer.from_bytes(data, "p", dims={"n": 7}).main.types["%x"].shape == (1, 3, 7)
    assert importer.from_bytes(data, "p", {"x": (2, 3, 4)}).main.types["%x"].shape == (2, 3, 4)
    with pytest.raises(UsageError, match="does not fit"):
        importer.from_bytes(data, "p", {"x": (2, 4, 4)})
    with pytest.raises(UsageError, match="no input is called 'z'"):
        importer.from_bytes(data, "p", {"z": (2, 4, 4)})


def test_shape_computations_vanish() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    c = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    program = importer.from_bytes(model(nodes, {"x": (2, 3, 4)}, ["y"], c), "p")
    assert [n.op for n in program.main.nodes] == ["reshape"]
    assert program.main.types[program.main.results[0]].shape == (2, 12)


def test_inputs_that_must_be_known_are_named_and_can_be_fixed() -> None:
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    data = model(nodes, {"x": (2, 3), "axes": np.array([0])}, ["y"], {})
    with pytest.raises(NeedsConstant, match="--fix axes=VALUES") as caught:
        importer.from_bytes(data, "p")
    assert caught.value.inputs == ("axes",)
    program = importer.from_bytes(data, "p", fixed={"axes": np.array([1])})
    assert [p[1:] for p in program.main.params] == ["x"]
    assert Interpreter(program).call("forward", np.ones((2, 3), np.float32))[0].tolist() == [3, 3]


def test_all_unsupported_nodes_are_named_at_once() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Frobnicate", ["a"], ["b"], "first", domain="my.own"),
        helper.make_node("StringConcat", ["b", "b"], ["y"], "second"),
    ]
    with pytest.raises(
        Unsupported, match=r"2 of its 3 nodes.*my\.own\.Frobnicate \('first'\).*StringConcat \('second'\)"
    ):
        importer.from_bytes(model(nodes, {"x": (2, 3)}, ["y"], {}, 20), "p")


def test_functions_of_the_file_are_read_through_their_bodies() -> None:
    body = helper.make_function(
        "my.own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 18)]
    )
    graph = helper.make_graph(
        [helper.make_node("Twice", ["x"], ["y"], domain="my.own")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (3,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (3,))],
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("my.own", 1)]
    made = helper.make_model(graph, functions=[body], opset_imports=imports, ir_version=9)
    program = importer.from_bytes(made.SerializeToString(), "p")
    assert Interpreter(program).call("forward", np.array([1, 2, 3], np.float32))[0].tolist() == [2, 4, 6]


def test_external_data(tmp_path: Path) -> None:
    w = np.arange(12, dtype=np.float32).reshape(3, 4)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    made = onnx.load_model_from_string(model(nodes, {"x": (1, 3)}, ["y"], {"w": w}))
    onnx.save(made, tmp_path / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    net = load(tmp_path / "net.onnx")
    assert Interpreter(net.program).call("forward", np.ones((1, 3), np.float32))[0].tolist() == [[12, 15, 18, 21]]


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingTool, match=r"pip install 'picozoo\[onnx\]'"):
        _onnx_file.module()


def test_command_line_takes_shapes_and_fixed_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from picozoo.cli import main

    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    path, data = tmp_path / "net.onnx", tmp_path / "x.npy"
    path.write_bytes(model(nodes, {"x": ("n", 3), "axes": np.array([0])}, ["y"], {}))
    np.save(data, np.ones((2, 3), np.float32))
    words = ["run", str(path), "--board", "host", "--input", str(data), "--shape", "x=2,3"]
    assert main([*words, "--fix", "axes=0"]) == 0
    assert "[2 2 2]" in capsys.readouterr().out
    assert main([*words, "--fix", "axes"]) == 2
    assert "should be NAME=VALUE" in capsys.readouterr().err
