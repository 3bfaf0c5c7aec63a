"""NonMaxSuppression of ONNX files: the boxes that ONNX Runtime keeps, in its order, and -1 behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import helper, numpy_helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402


def model(boxes: tuple[int, ...], scores: tuple[int, ...], given: list[float | int], **attrs: int) -> bytes:
    """`given`: the most boxes of a class, then the overlap and the least score."""
    kinds = (np.int64, np.float32, np.float32)
    held = {f"c{k}": np.array([v], kinds[k]) for k, v in enumerate(given)}
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", *held], ["y"], **attrs)
    ins = [helper.make_tensor_value_info(n, 1, s) for n, s in (("boxes", boxes), ("scores", scores))]
    outs = [helper.make_tensor_value_info("y", 7, (None, 3))]
    graph = helper.make_graph([node], "g", ins, outs, [numpy_helper.from_array(v, k) for k, v in held.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    return bytes(made.SerializeToString())


def drawn(batch: int, classes: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that overlap in part, corners in any order, some without area; scores on a grid, so that some are equal."""
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0, 1, (batch, n, 4)).astype(np.float32)
    boxes[:, n // 2 :] = boxes[:, : n - n // 2] + rng.normal(0, 0.05, (batch, n - n // 2, 4)).astype(np.float32)
    boxes[:, 0, 2:] = boxes[:, 0, :2]
    return boxes, (rng.integers(0, 12, (batch, classes, n)) / 12).astype(np.float32)


@pytest.mark.parametrize("centre", [0, 1])
@pytest.mark.parametrize(
    ("sizes", "given"),
    [
        ((1, 1, 20), [5, 0.5, 0.3]),
        ((1, 3, 30), [30, 0.2, 0.5]),
        ((2, 2, 16), [4, 0.0]),
        ((1, 2, 12), [1 << 40, 0.7, 0.95]),
        ((1, 1, 9), [3]),
    ],
)
def test_equals_onnx_runtime(sizes: tuple[int, int, int], given: list[float | int], centre: int) -> None:
    for seed in range(5):
        boxes, scores = drawn(*sizes, seed)
        data = model(boxes.shape, scores.shape, given, center_point_box=centre)
        (want,) = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(
            None, {"boxes": boxes, "scores": scores}
        )
        (got,) = Interpreter(importer.from_bytes(data, "nms")).call("forward", boxes, scores)
        assert got.shape == (sizes[0] * sizes[1] * min(given[0], sizes[2]), 3)
        np.testing.assert_array_equal(got[: len(want)], want)
        assert (got[len(want) :] == -1).all()


def test_on_a_board(tmp_path: Path) -> None:
    boxes, scores = drawn(1, 2, 20, 7)
    (tmp_path / "nms.onnx").write_bytes(model(boxes.shape, scores.shape, [6, 0.4, 0.8]))
    firmware = pz.compile(tmp_path / "nms.onnx", board="pico")
    assert "gives 12 rows, as many as there can be; those behind the last box are -1" in firmware.network.assumed
    want = Interpreter(firmware.network.program).call("forward", boxes, scores)[0]
    np.testing.assert_array_equal(firmware.run(boxes, scores), want)
    assert (want[0] >= 0).all() and (want[-1] == -1).all()


def test_none_wanted_is_told() -> None:
    with pytest.raises(Unsupported, match="max_output_boxes_per_class is 0 or is not given"):
        importer.from_bytes(model((1, 4, 4), (1, 1, 4), []), "nms")
