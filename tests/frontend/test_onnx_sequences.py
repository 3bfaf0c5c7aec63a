"""Sequences inside ONNX graphs equal ONNX Runtime; those at its edges are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402

NODE = helper.make_node
X = np.arange(24, dtype=np.float32).reshape(4, 6)


def model(nodes: list[Any], output: Any = None) -> bytes:
    """x [4, 6] to y."""
    held = {"one": 1, "last": -1, "three": 3, "sizes": [1, 3, 2]}
    constants = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in held.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)]
    output = output or helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph(nodes, "g", inputs, [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize(
    "nodes",
    [
        [NODE("SplitToSequence", ["x", "sizes"], ["s"], axis=1), NODE("SequenceAt", ["s", "one"], ["y"])],
        [NODE("SplitToSequence", ["x", "three"], ["s"]), NODE("SequenceAt", ["s", "last"], ["y"])],
        [NODE("SplitToSequence", ["x"], ["s"], axis=1, keepdims=0), NODE("ConcatFromSequence", ["s"], ["y"], axis=0)],
        [NODE("SplitToSequence", ["x"], ["s"], axis=0, keepdims=0),
         NODE("ConcatFromSequence", ["s"], ["y"], axis=-1, new_axis=1)],
        [NODE("Neg", ["x"], ["n"]), NODE("SequenceConstruct", ["x", "n"], ["s"]),
         NODE("SequenceInsert", ["s", "n", "one"], ["t"]), NODE("SequenceErase", ["t", "last"], ["u"]),
         NODE("ConcatFromSequence", ["u"], ["y"], axis=1)],
        [NODE("SequenceConstruct", ["x", "x", "x"], ["s"]), NODE("SequenceErase", ["s"], ["t"]),
         NODE("SequenceLength", ["t"], ["n"]), NODE("Cast", ["n"], ["f"], to=1), NODE("Mul", ["x", "f"], ["y"])],
    ],
    ids=["sizes", "rest", "rows", "new_axis", "insert_erase", "length"],
)  # fmt: skip
def test_sequences_inside(nodes: list[Any]) -> None:
    data = model(nodes)
    (got,) = Interpreter(importer.from_bytes(data, "case")).call("forward", X)
    (want,) = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": X})
    assert np.array_equal(got, want)


def test_a_sequence_carried_by_a_loop() -> None:
    """x stacked three times, each time plus one, as exporters write a list that grows."""
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    inputs = [helper.make_tensor_value_info("k", TensorProto.INT64, []),
              helper.make_tensor_value_info("c", TensorProto.BOOL, []), sequence]  # fmt: skip
    outputs = [helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
               helper.make_tensor_sequence_value_info("s2", TensorProto.FLOAT, None)]  # fmt: skip
    steps = [NODE("Identity", ["c"], ["c2"]), NODE("Cast", ["k"], ["f"], to=1), NODE("Add", ["x", "f"], ["v"]),
             NODE("SequenceInsert", ["s", "v"], ["s2"])]  # fmt: skip
    body = helper.make_graph(steps, "body", inputs, outputs)
    nodes = [NODE("SequenceEmpty", [], ["e"]), NODE("Loop", ["three", "", "e"], ["all"], body=body),
             NODE("ConcatFromSequence", ["all"], ["y"], axis=0, new_axis=1)]  # fmt: skip
    (got,) = Interpreter(importer.from_bytes(model(nodes), "case")).call("forward", X)
    assert np.array_equal(got, np.stack([X, X + 1, X + 2]))


@pytest.mark.parametrize(
    ("nodes", "output", "told"),
    [
        ([NODE("SplitToSequence", ["x"], ["y"])],
         helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None), "output 'y' is a sequence"),
        ([NODE("SplitToSequence", ["x"], ["s"]), NODE("Relu", ["s"], ["y"])], None, "input 0 is a sequence"),
    ],
)  # fmt: skip
def test_sequences_elsewhere_are_refused(nodes: list[Any], output: Any, told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        importer.from_bytes(model(nodes, output), "case")
