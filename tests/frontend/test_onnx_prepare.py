"""Pre-processing inside ONNX files: pictures of bytes, sound to log-mel bands, and what is refused with advice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from picozoo.frontend import onnx as importer  # noqa: E402

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def saved(path: Path, nodes: list[Any], shape: tuple[int, ...], kind: int, constants: dict[str, Any]) -> Path:
    """A file with input x of this type and output y."""
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info("y")], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return path


def expected(path: Path, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    return found


# -- pictures ---------------------------------------------------------------------------------------------------------
def picture_network(path: Path, *, last: bool, resize: bool) -> Path:
    """uint8 pictures, channels last or first, normalised inside the graph, then a convolution."""
    rng, node = np.random.default_rng(0), helper.make_node
    shape = (1, 1, 1, 3) if last else (1, 3, 1, 1)
    c = {
        "mean": np.array(MEAN, np.float32).reshape(shape),
        "std": np.array(STD, np.float32).reshape(shape),
        "w": rng.normal(0, 0.2, (8, 3, 3, 3)).astype(np.float32),
        "b": rng.normal(0, 0.1, 8).astype(np.float32),
        "sizes": np.array([1, 3, 16, 16]),
    }
    nodes = [node("Cast", ["x"], ["f"], to=1), node("Sub", ["f", "mean"], ["s"]), node("Div", ["s", "std"], ["d"])]
    v = "d"
    if last:
        nodes.append(node("Transpose", [v], ["t"], perm=[0, 3, 1, 2]))
        v = "t"
    if resize:
        nodes.append(node("Resize", [v, "", "", "sizes"], ["r"], mode="linear"))
        v = "r"
    nodes += [node("Conv", [v, "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]), node("Relu", ["c"], ["a"]),
              node("GlobalAveragePool", ["a"], ["y"])]  # fmt: skip
    return saved(path, nodes, (1, 24, 24, 3) if last else (1, 3, 24, 24), TensorProto.UINT8, c)


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("resize", [True, False])
def test_pictures_of_bytes_stay_bytes(tmp_path: Path, last: bool, resize: bool) -> None:
    """The C takes uint8, in float and in int8, and gives what ONNX Runtime gives."""
    path = picture_network(tmp_path / "picture.onnx", last=last, resize=resize)
    rng = np.random.default_rng(1)
    xs = [rng.integers(0, 256, (1, 24, 24, 3) if last else (1, 3, 24, 24)).astype(np.uint8) for _ in range(4)]
    want = expected(path, xs[0])
    for options, near in (({}, 1e-5), ({"calibrate": [(x,) for x in xs], "precision": "int8"}, 0.02)):
        firmware = pz.compile(path, board="host", **options)
        assert firmware.model.entries["forward"].inputs[0].type.dtype == "u8"
        if options and not resize:
            assert firmware.program.main.nodes[0].op == "lookup", "normalisation is a table"
        np.testing.assert_allclose(firmware.run(xs[0]), want, atol=near * float(want.max()))


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("sizes", [(23, 31), (7, 5), (20, 24)])
def test_bytes_are_resized_as_bytes(tmp_path: Path, kind: type, sizes: tuple[int, int]) -> None:
    """Cut off as in ONNX Runtime, which turns some of a plain area of 77 into 76; here it stays plain."""
    nodes = [helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear")]
    number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    path = saved(tmp_path / "f.onnx", nodes, (1, 3, 10, 12), number, {"sizes": np.array([1, 3, *sizes])})
    program = importer.read(path)
    info = np.iinfo(kind)
    x = np.random.default_rng(0).integers(info.min, info.max + 1, (1, 3, 10, 12)).astype(kind)
    (got,), want = Interpreter(program).call("forward", x), expected(path, x)
    apart = np.abs(got.astype(int) - want)
    assert got.dtype == kind and apart.max() <= 1 and (apart > 0).mean() < 0.01
    plain = np.full_like(x, 77)
    assert (Interpreter(program).call("forward", plain)[0] == 77).all()


# -- sound ------------------------------------------------------------------------------------------------------------
def log_mel(path: Path, *, frame: int = 128, bands: int = 20, samples: int = 512) -> Path:
    """int16 samples to log-mel bands, with ONNX's own operators."""
    node = helper.make_node
    c = {"n": frame, "step": frame // 2, "bands": bands, "rate": 8000, "axis": np.array([-1])}
    held = {k: np.asarray(v, np.int64) for k, v in c.items()}
    held |= {k: np.float32(v) for k, v in (("low", 20), ("high", 4000), ("least", 1e-6), ("full", 32768))}
    nodes = [
        node("Cast", ["x"], ["f"], to=1),
        node("Div", ["f", "full"], ["s"]),
        node("HannWindow", ["n"], ["window"]),
        node("STFT", ["s", "step", "window", "n"], ["spectrum"]),
        node("ReduceSumSquare", ["spectrum", "axis"], ["power"], keepdims=0),
        node("MelWeightMatrix", ["bands", "n", "rate", "low", "high"], ["mel"]),
        node("MatMul", ["power", "mel"], ["energy"]),
        node("Add", ["energy", "least"], ["above"]),
        node("Log", ["above"], ["y"]),
    ]
    return saved(path, nodes, (1, samples), TensorProto.INT16, held)


def sound(samples: int) -> np.ndarray:
    """A tone in noise."""
    noise = np.random.default_rng(0).normal(0, 3000, (1, samples))
    return (noise + 8000 * np.sin(np.arange(samples) * 0.3)).astype(np.int16)


@pytest.mark.parametrize(("board", "frame"), [("host", 128), ("pico", 128), ("host", 100)])
def test_log_mel_front_end(tmp_path: Path, board: str, frame: int) -> None:
    """ONNX Runtime's own transform of 100 samples is off by 9e-5 from float64, picozoo's by 1e-6."""
    path, x = log_mel(tmp_path / "mel.onnx", frame=frame), sound(512)
    firmware, want = pz.compile(path, board=board), expected(path, x)
    got = firmware.run(x)
    assert "dft" in [n.op for n in firmware.program.main.nodes]
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, atol=1e-5 if frame == 128 else 2e-4)


# -- refused with advice ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("domain", "kind", "told"),
    [
        ("", "ImageDecoder", "give it pixels"),
        ("ai.onnx.contrib", "DecodeImage", "onnxruntime-extensions"),
        ("com.microsoft.extensions", "ImageReader", "onnxruntime-extensions"),
        ("", "StringNormalizer", "text must become numbers"),
        ("", "Optional", "no optional values"),
        ("ai.onnx.ml", "DictVectorizer", "in the order of the vocabulary"),
        ("", "RandomUniform", "at random"),
    ],
)
def test_refused_with_what_to_do(tmp_path: Path, domain: str, kind: str, told: str) -> None:
    path = saved(
        tmp_path / "f.onnx", [helper.make_node(kind, ["x"], ["y"], domain=domain)], (3,), TensorProto.UINT8, {}
    )
    with pytest.raises(Unsupported, match=f"(?i)1 of its 1 nodes.*{kind}.*{told}"):
        importer.read(path)
