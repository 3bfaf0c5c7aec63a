"""Truncated and hostile ONNX files: one clear error, quickly, and never a crash or a huge allocation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picozoo.errors import BadFile, PicozooError, Unsupported
from picozoo.network import load

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402


def net(nodes: list[Any], shape: Any = (1, 3, 6, 6), constants: dict[str, np.ndarray] | None = None) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def sample() -> bytes:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Resize", ["r", "", "scales"], ["u"], mode="linear"),
        helper.make_node("Shape", ["u"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["u", "shape"], ["f"]),
        helper.make_node("Gemm", ["f", "m"], ["g"]),
        helper.make_node("Softmax", ["g"], ["y"]),
    ]
    constants = {
        "w": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "b": np.zeros(4, np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "zero": np.array([0]),
        "one": np.array([1]),
        "rest": np.array([-1]),
        "m": rng.normal(size=(144, 5)).astype(np.float32),
    }
    return bytes(net(nodes, constants=constants).SerializeToString())


def refuse(data: bytes) -> str:
    """Read it or refuse it in so many words, within two seconds of work."""
    began = time.process_time()
    try:
        importer.from_bytes(data, "case")
        told = ""
    except PicozooError as e:
        told = str(e)
        assert "\n" not in told.strip()
        assert len(told) < 4000
    assert time.process_time() - began < 2
    return told


def test_sample_is_read() -> None:
    assert refuse(sample()) == ""


def test_every_truncation() -> None:
    data = sample()
    for n in range(0, len(data), 23):
        refuse(data[:n])


def test_scan_over_more_than_it_is_given() -> None:
    """A list of as many axes was made first."""
    body = helper.make_graph([], "b", [], [])
    told = refuse(net([helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=2**62)]).SerializeToString())
    assert "a scan over 4611686018427387904 of its 1 inputs" in told


def test_cycle() -> None:
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    assert "'b' is used before it is computed" in refuse(
        net([*nodes, helper.make_node("Relu", ["b"], ["y"])]).SerializeToString()
    )


def test_functions_that_call_each_other_without_end() -> None:
    made = net([helper.make_node("F", ["x"], ["y"], domain="d")])
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("d", 1)]
    made.opset_import.append(imports[1])
    for a, b in (("F", "G"), ("G", "F")):
        made.functions.append(
            helper.make_function("d", a, ["i"], ["o"], [helper.make_node(b, ["i"], ["o"], domain="d")], imports)
        )
    assert "without end" in refuse(made.SerializeToString())


def test_doubling_functions_are_refused_for_what_they_cost() -> None:
    """Each function calls the one below twice: 2^20 nodes from a file of a kilobyte."""
    made = net([helper.make_node("F20", ["x"], ["y"], domain="d")])
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("d", 1)]
    made.opset_import.append(imports[1])
    for k in range(1, 21):
        name, domain = (f"F{k - 1}", "d") if k > 1 else ("Relu", "")
        calls = [
            helper.make_node(name, ["i"], ["a"], domain=domain),
            helper.make_node(name, ["a"], ["o"], domain=domain),
        ]
        made.functions.append(helper.make_function("d", f"F{k}", ["i"], ["o"], calls, imports))
    assert "more than" in refuse(made.SerializeToString())


@pytest.mark.parametrize(
    ("node", "constants", "told"),
    [
        (("ConstantOfShape", ["s"]), {"s": np.array([1 << 40])}, "constant of shape"),
        (("Expand", ["x", "s"]), {"s": np.array([1 << 20, 3, 6, 6])}, "bytes; the limit"),
        (("Tile", ["x", "s"]), {"s": np.array([1 << 30, 1, 1, 1])}, "bytes; the limit"),
        (("Reshape", ["x", "s"]), {"s": np.array([-1, -1])}, "reshape to"),
        (("Reshape", ["x", "s"]), {"s": np.array([7, -1])}, "cannot be reshaped"),
        (("Gather", ["x", "s"]), {"s": np.array([99])}, "outside 0 to 0"),
        (("Range", ["s", "t", "u"]), {"s": np.array(0), "t": np.array(1 << 60), "u": np.array(1)}, "a range from"),
        (("OneHot", ["s", "t", "u"]), {"s": np.array([0]), "t": np.array(1 << 60), "u": np.ones(2)}, "depth"),
    ],
)
def test_absurd_sizes(node: Any, constants: dict[str, np.ndarray], told: str) -> None:
    assert told in refuse(net([helper.make_node(*node, ["y"])], constants=constants).SerializeToString())


def test_oversized_input() -> None:
    assert "bytes" in refuse(net([helper.make_node("Relu", ["x"], ["y"])], (1 << 30, 1 << 30)).SerializeToString())


def test_endless_loop() -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"])],
        "b",
        [
            helper.make_tensor_value_info("k", TensorProto.INT64, ()),
            helper.make_tensor_value_info("c", TensorProto.BOOL, ()),
        ],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, ())],
    )
    nodes = [helper.make_node("Loop", ["", "t"], [], body=body), helper.make_node("Relu", ["x"], ["y"])]
    assert "turns" in refuse(net(nodes, constants={"t": np.array(True)}).SerializeToString())


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "", "link.bin", "gone.bin"]
)
def test_external_data_stays_in_the_folder(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    made = net([helper.make_node("MatMul", ["x", "w"], ["y"])], (1, 3), {"w": np.zeros((3, 4), np.float32)})
    t = made.graph.initializer[0]
    t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    t.external_data.add(key="location", value=location)
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(BadFile, match=r"model's folder|no such file"):
        load(path)


def test_strings_and_sequences_are_named() -> None:
    made = net([helper.make_node("Relu", ["x"], ["y"])])
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    with pytest.raises(Unsupported, match="element type string"):
        importer.from_bytes(made.SerializeToString(), "case")


@pytest.mark.parametrize(
    "content", [b"", b"ONNX", b"\0" * 64, b"\x08\x07\x12\xff\xff\xff\xff\x7f", b"#!/bin/sh\nexit\n" * 9]
)
def test_not_a_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"net\.onnx"):
        load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="Check the path"):
        load(tmp_path / "nothing.onnx")
