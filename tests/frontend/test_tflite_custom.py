"""Custom operators of TFLite files, whose options are FlexBuffers, and TOPK_V2."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from picozoo.errors import BadFile, PicozooError
from picozoo.frontend import tflite
from picozoo.frontend._flexbuffer import read_map
from picozoo.ir.interp import Interpreter
from picozoo.ops._tflite import custom

from .tflite_models import Machine, Net, T, compare, compare_micro, flexbuffers

OPTIONS = {
    "a": 1,
    "large": -70000,
    "wide": 1 << 40,
    "f": 2.5,
    "yes": True,
    "text": "hello",
    "none": None,
    "list": [1, 2],
}


def test_options_are_read() -> None:
    assert read_map(bytes(flexbuffers.Dumps(OPTIONS))) == OPTIONS | {"list": None}
    assert read_map(b"") == {}


def test_damaged_options_are_refused() -> None:
    """Whatever the bytes: a map or BadFile."""
    data, dice, refused = bytes(flexbuffers.Dumps(OPTIONS)), random.Random(1), 0
    for _ in range(5000):
        wrong = bytearray(data)
        for _ in range(dice.choice((1, 2, 4))):
            wrong[dice.randrange(len(wrong))] = dice.randrange(256)
        try:
            read_map(bytes(wrong[dice.choice((0, 0, dice.randrange(len(wrong)))) :]))
        except BadFile:
            refused += 1
    assert 500 < refused < 5000


def detection(rng: np.random.Generator, background: int, **more: Any) -> tuple[Net, list[np.ndarray]]:
    net, b, c = Net(), 40, 3
    anchors = np.concatenate([rng.uniform(0, 1, (b, 2)), rng.uniform(0.1, 0.5, (b, 2))], 1).astype(np.float32)
    ins = [net.input((1, b, 4), "float32"), net.input((1, b, c + background), "float32"), net.const(anchors)]
    n = 12 * (1 if more.get("use_regular_nms") else more.get("max_classes_per_detection", 1))
    outs = [T((1, n, 4), "float32"), T((1, n), "float32"), T((1, n), "float32"), T((1,), "float32")]
    values = {"max_detections": 12, "max_classes_per_detection": 1, "nms_score_threshold": 0.2, "num_classes": c}
    values |= {"nms_iou_threshold": 0.4, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0} | more
    net.op(custom("TFLite_Detection_PostProcess"), ins, outs, **values)
    scores = rng.integers(0, 60, (1, b, c + background)).astype(np.float32) / 60  # some are equal
    return net, [rng.normal(size=(1, b, 4)).astype(np.float32), scores]


@pytest.mark.parametrize("background", [0, 1])
@pytest.mark.parametrize("more", [{}, {"use_regular_nms": True, "detections_per_class": 6}, {"nms_iou_threshold": 1.0}])
def test_detection_equals_litert(background: int, more: dict[str, Any]) -> None:
    for seed in range(4):
        net, inputs = detection(np.random.default_rng(seed), background, **more)
        data = net.bytes()
        want, got = Machine(data).call(inputs), Interpreter(tflite.from_bytes(data, "case")).call("forward", *inputs)
        count = int(want[3][0])
        assert got[3][0] == count > 3
        for g, w in zip(got[:3], want, strict=False):
            np.testing.assert_allclose(g[:, :count], w[:, :count], rtol=1e-5, atol=1e-6)


def test_detection_with_several_classes_a_box() -> None:
    """LiteRT leaves gaps here, so: those of one class a box, each followed by its second best."""
    net, inputs = detection(np.random.default_rng(5), 1)
    first = Interpreter(tflite.from_bytes(net.bytes(), "case")).call("forward", *inputs)
    net, inputs = detection(np.random.default_rng(5), 1, max_classes_per_detection=2)
    both = Interpreter(tflite.from_bytes(net.bytes(), "case")).call("forward", *inputs)
    assert both[3][0] == 2 * first[3][0]
    np.testing.assert_array_equal(both[0][:, ::2], first[0])
    np.testing.assert_array_equal(both[0][:, 1::2], first[0])
    np.testing.assert_array_equal(both[2][:, ::2], first[2])
    assert (both[2][:, 1::2] <= both[2][:, ::2]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_classes", None), ("max_detections", -1), ("nms_iou_threshold", 0.0), ("y_scale", 0.0), ("num_classes", 2.5)],
)
def test_wrong_options_are_named(name: str, value: Any) -> None:
    net, _ = detection(np.random.default_rng(0), 0, **{name: value})
    with pytest.raises(PicozooError, match=r"max_detections|num_classes|scales"):
        tflite.checked(net.bytes(), "case", "case.tflite")


@pytest.mark.parametrize("seed", range(3))
def test_squared_difference_of_int16(seed: int) -> None:
    """LiteRT has none; TensorFlow Lite Micro has."""
    rng, net = np.random.default_rng(seed), Net()
    ins = [net.input(n, "int16", float(rng.uniform(1e-4, 1e-3))) for n in ((2, 3, 5), (2, 3, 5) if seed else (5,))]
    net.op("SQUARED_DIFFERENCE", ins, [T((2, 3, 5), "int16", float(rng.uniform(0.005, 0.05)), 0)])
    compare_micro(net, rng)


def test_zeros_like_of_int8() -> None:
    """LiteRT has none; TensorFlow Lite Micro stores 0 whatever the zero point."""
    net, q = Net(), {"scale": 0.1, "zero": 7}
    x = net.input((2, 3), **q)
    net.op("ZEROS_LIKE", [x], [T((2, 3), **q)])
    net.op("ADD", [x, net.outputs[0]], [T((2, 3), **q)], "AddOptions")
    compare_micro(net, np.random.default_rng(0))


@pytest.mark.parametrize("rank", [1, 2])
def test_basic_classifier(rank: int) -> None:
    rng, net = np.random.default_rng(rank), Net()
    classes, limits = np.array([3, 0, 3], np.int32), np.array([10, -20, -60], np.int32)
    ins = [net.input((5,) if rank == 1 else (1, 5), "int32"), net.const(classes), net.const(limits)]
    net.op(custom("BasicClassifier"), ins, [T((3,), "bool"), T((3,), "int32")])
    compare_micro(net, rng, calls=6)


def test_basic_classifier_of_a_class_that_is_not_there() -> None:
    net, five = Net(), np.array([5], np.int32)
    ins = [net.input((5,), "int32"), net.const(five), net.const(five)]
    net.op(custom("BasicClassifier"), ins, [T((1,), "bool"), T((1,), "int32")])
    with pytest.raises(PicozooError, match="class 5 of 5"):
        tflite.checked(net.bytes(), "case", "case.tflite")


def test_unknown_custom_operator_is_named() -> None:
    net = Net()
    net.op(custom("Frobnicate"), [net.input((2,), "float32")], [T((2,), "float32")], a=1)
    with pytest.raises(PicozooError, match="Frobnicate"):
        tflite.checked(net.bytes(), "case", "case.tflite")


@pytest.mark.parametrize("dtype", ["float32", "int8", "int16", "int32"])
def test_topk(dtype: str) -> None:
    for seed in range(3):
        rng, net = np.random.default_rng(seed), Net()
        x, k = net.input((2, 9), dtype), net.const(np.array(4, np.int32))
        net.op("TOPK_V2", [x, k], [T((2, 4), dtype), T((2, 4), "int32")], "TopKV2Options")
        compare(net, rng)
