"""Files that leave dimensions of inputs open: the batch is one; the others are asked for, and then it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.cli import main
from picozoo.errors import BadFile, Unsupported, UsageError
from picozoo.frontend._dims import Input, calculate, close, evaluate, names
from picozoo.frontend._torch_sizes import infix
from picozoo.ir.interp import Interpreter
from picozoo.network import load

RNG = np.random.default_rng(0)


# -- what is open, and what it becomes -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("dims", "want"),
    [
        (("N", 3, 8, 8), (1, 3, 8, 8)),
        ((None, 3, 8, 8), (1, 3, 8, 8)),
        (("anything", 4), (1, 4)),
        (("batch_size",), (1,)),
        ((5, "batch", 4), (5, 1, 4)),
        (("batch-size", 4), (1, 4)),
        ((2, 3), (2, 3)),
    ],
)
def test_a_batch_is_one(dims: Any, want: tuple[int, ...]) -> None:
    closed = close([Input("x", dims)], {}, {})
    assert closed.shapes == [want]
    assert ("open: it is 1" in closed.assumed) == (dims != want)


@pytest.mark.parametrize("dims", [("batch", "seq", 4), ("seq", 4), (None, None, 4), (None,), ("N",), None, (1, "N+1")])
def test_other_dimensions_are_asked_for(dims: Any) -> None:
    with pytest.raises(UsageError, match=r"the file leaves open how large .* of input 'x' .*--shape x="):
        close([Input("x", dims)], {}, {})


def test_one_size_holds_wherever_the_name_is() -> None:
    inputs = [
        Input("x", ("batch", "seq", 4)),
        Input("past", ("batch", "old", 4)),
        Input("mask", ("batch", "old + seq")),
    ]
    with pytest.raises(UsageError, match=r"'seq', 'old' is, of .*--dim seq=16 --dim old=16"):
        close(inputs, {}, {})
    want = [(1, 3, 4), (1, 5, 4), (1, 8)]
    assert close(inputs, {}, {"seq": 3, "old": 5}).shapes == want
    assert close(inputs, {"x": (1, 3, 4), "past": (1, 5, 4)}, {}).shapes == want
    with pytest.raises(UsageError, match=r"dimension 'batch' cannot be 1 and, in input 'past', 2"):
        close(inputs, {"x": (1, 3, 4), "past": (2, 5, 4)}, {})


@pytest.mark.parametrize(
    ("shapes", "dims", "match"),
    [
        ({"y": (1,)}, {}, "no input is called 'y'"),
        ({"x": (1, 2, 5)}, {}, r"has shape \[batch, seq, 4\], which \[1, 2, 5\] does not fit"),
        ({"x": (1, 4)}, {}, "does not fit"),
        ({"x": (1, -2, 4)}, {}, "does not fit"),
        ({}, {"sqe": 2}, "did you mean seq"),
        ({}, {"seq": 0}, "must be 1 or more, got 0"),
    ],
)
def test_what_does_not_fit_is_told(shapes: Any, dims: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        close([Input("x", ("batch", "seq", 4))], shapes, dims)


def test_expressions_are_sums_and_products_of_names() -> None:
    assert evaluate("2*(a - 1)//b", {"a": 8, "b": 3}) == 4
    assert names("a + b*a") == ["a", "b"]
    assert names("__import__('os').getpid()") == ["__import__('os').getpid()"]
    assert evaluate("9**9**9 + a", {"a": 1}) is None
    for bad in ("a - 9", "a // 0", "a * a * a * a * 1000000"):
        with pytest.raises(BadFile, match=r"would be|divides"):
            evaluate(bad, {"a": 8})


# -- ONNX ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    """Flattens batch and sequence by arithmetic on the shape, as exporters write it."""
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Gather", ["s", "one"], ["t"]),
        node("Mul", ["n", "t"], ["nt"]),
        node("Unsqueeze", ["nt", "zeros"], ["first"]),
        node("Concat", ["first", "four"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["f"]),
        node("MatMul", ["f", "w"], ["y"]),
    ]
    c = {"zero": np.array(0), "one": np.array(1), "zeros": np.array([0]), "four": np.array([4])}
    c["w"] = RNG.normal(size=(4, 3)).astype(np.float32)
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, ("batch", "seq", 4))],
        [onnx.helper.make_empty_tensor_value_info("y")],
        [onnx.numpy_helper.from_array(v, k) for k, v in c.items()],
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_onnx_equals_onnx_runtime(onnx_file: Path) -> None:
    session = pytest.importorskip("onnxruntime").InferenceSession(str(onnx_file))
    for given in ({"dims": {"seq": 5}}, {"shapes": {"x": (1, 5, 4)}}, {"dims": {"seq": 5, "batch": 2}}):
        net = load(onnx_file, **given)
        x = RNG.normal(size=net.program.main.types["%x"].shape).astype(np.float32)
        got = Interpreter(net.program).call("forward", x)[0]
        np.testing.assert_allclose(got, session.run(None, {"x": x})[0], rtol=1e-5, atol=1e-6)
    assert pz.compile(onnx_file, board="host", dims={"seq": 5}).run(x[:1]).shape == (5, 3)


def test_command_line_says_what_it_assumes(onnx_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(onnx_file)]) == 2
    assert "--dim seq=16, or --shape x=1,16,4" in capsys.readouterr().err
    assert main(["show", str(onnx_file), "--dim", "seq=5"]) == 0
    assert "batch of input 'x' [batch, seq, 4] open: it is 1 (--dim batch=4 for another)" in capsys.readouterr().err
    assert main(["show", str(onnx_file), "--shape", "x=2,5,4"]) == 0
    assert not capsys.readouterr().err
    assert main(["show", str(onnx_file), "--dim", "seq=x"]) == 2
    assert main(["show", "lenet5", "--dim", "seq=5"]) == 2
    assert "are for model files" in capsys.readouterr().err


# -- PyTorch -------------------------------------------------------------------------------------------------------
def test_pt2_equals_pytorch(tmp_path: Path) -> None:
    """Shape arithmetic in the graph, a size that is a sum of others, and a batch that needs no saying."""
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = torch.nn.Conv1d(4, 8, 3, padding=1), torch.nn.Linear(8, 3)

        def forward(self, x: Any, past: Any) -> Any:
            z = torch.relu(self.conv(torch.cat([past, x], 1).transpose(1, 2))).transpose(1, 2)
            flat = z.reshape(x.shape[0] * (x.shape[1] + past.shape[1]), 8)
            return self.out(flat), z[:, : x.shape[1]].mean(1)

    torch.manual_seed(0)
    net, auto = Net().eval(), torch.export.Dim.DYNAMIC
    given = (torch.randn(2, 6, 4), torch.randn(2, 3, 4))
    made = torch.export.export(net, given, dynamic_shapes=({0: auto, 1: auto}, {0: auto, 1: auto}))
    path = tmp_path / "net.pt2"
    torch.export.save(made, path)
    with pytest.raises(UsageError, match=r"of input 'x' \[\w+, \w+, 4\], input 'past' .*--dim \w+=16 --dim \w+=16"):
        load(path)
    for batch, steps, old in ((1, 5, 2), (3, 7, 4)):
        x, past = torch.randn(batch, steps, 4), torch.randn(batch, old, 4)
        read = load(path, shapes={"x": tuple(x.shape), "past": tuple(past.shape)})
        for g, w in zip(Interpreter(read.program).call("forward", x.numpy(), past.numpy()), net(x, past), strict=True):
            np.testing.assert_allclose(g, w.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_pt2_batch_is_one(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    batch = torch.export.Dim("batch", min=2, max=9)
    made = torch.export.export(torch.nn.Linear(3, 2).eval(), (torch.zeros(4, 3),), dynamic_shapes=({0: batch},))
    torch.export.save(made, tmp_path / "e.pt2")
    net = load(tmp_path / "e.pt2")
    assert [t.shape for t in map(net.program.main.types.get, net.program.main.params) if t] == [(1, 3)]
    assert "open: it is 1" in net.assumed
    assert pz.compile(made, board="host").run(np.zeros((4, 3), np.float32)).shape == (4, 2)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Mul(Integer(4), Symbol('s27', positive=True, integer=True))", 12),
        ("Add(Symbol('s27'), Integer(-1))", 2),
        ("Min(Integer(8), Pow(Symbol('s27'), Integer(2)))", 8),
        ("FloorDiv(Add(Symbol('s27'), Integer(4)), Integer(2))", 3),
        ("s27", 3),
    ],
)
def test_sizes_of_pytorch_are_read(text: str, want: int) -> None:
    assert calculate(infix(text), {"s27": 3}) == want


@pytest.mark.parametrize(
    "text", ["__import__('os')", "Symbol(__import__('os'))", "Pow(Symbol('a'), Integer(9))", "(", "a.b"]
)
def test_other_expressions_are_refused(text: str) -> None:
    with pytest.raises((BadFile, Unsupported)):
        infix(text)


# -- TFLite --------------------------------------------------------------------------------------------------------
def _resized(data: bytes, xs: list[np.ndarray]) -> list[np.ndarray]:
    """What LiteRT's reference kernels give for inputs of these shapes."""
    from .tflite_models import litert

    machine = litert.Interpreter(model_content=data, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    for d, x in zip(machine.get_input_details(), xs, strict=True):
        machine.resize_tensor_input(d["index"], x.shape)
    machine.allocate_tensors()
    for d, x in zip(machine.get_input_details(), xs, strict=True):
        machine.set_tensor(d["index"], x)
    machine.invoke()
    return [machine.get_tensor(d["index"]) for d in machine.get_output_details()]


def tflite_sequence() -> bytes:
    """Convolution over time, a layer for each step with shape arithmetic around it, mean over time, softmax."""
    from .tflite_models import Net, T

    net, f32 = Net(), "float32"

    def t(*signature: int, dtype: str = f32) -> T:
        shape = tuple(1 if n < 0 else n for n in signature)
        return T(shape, dtype, signature=signature if -1 in signature else ())

    def vector(*v: int) -> int:
        return net.const(np.array(v, np.int32))

    x = net._add(t(-1, -1, 4))
    net.inputs = [x]
    (grown,) = net.op("EXPAND_DIMS", [x, net.const(np.array(1, np.int32))], [t(-1, 1, -1, 4)])
    w = net.const(RNG.normal(size=(8, 1, 3, 4)).astype(np.float32))
    b = net.const(RNG.normal(size=8).astype(np.float32))
    (c,) = net.op("CONV_2D", [grown, w, b], [t(-1, 1, -1, 8)], "Conv2DOptions", strideH=1, strideW=1)
    (s,) = net.op("SQUEEZE", [c], [t(-1, -1, 8)], "SqueezeOptions", squeezeDims=[1])
    (shape,) = net.op("SHAPE", [s], [T((3,), "int32")], "ShapeOptions", outType=2)
    ins = [shape, vector(0), vector(2), vector(1)]
    (two,) = net.op("STRIDED_SLICE", ins, [T((2,), "int32")], "StridedSliceOptions")
    (size,) = net.op("REDUCE_PROD", [two, vector(0)], [T((), "int32")], "ReducerOptions")
    (new,) = net.op("PACK", [size, net.const(np.array(8, np.int32))], [T((2,), "int32")], "PackOptions", valuesCount=2)
    (flat,) = net.op("RESHAPE", [s, new], [t(-1, 8)], "ReshapeOptions", newShape=[])
    w2, b2 = net.const(RNG.normal(size=(5, 8)).astype(np.float32)), net.const(np.zeros(5, np.float32))
    (y,) = net.op("FULLY_CONNECTED", [flat, w2, b2], [t(-1, 5)], "FullyConnectedOptions")
    ins = [shape, vector(0), vector(1), vector(1)]
    (n,) = net.op("STRIDED_SLICE", ins, [T((), "int32")], "StridedSliceOptions", shrinkAxisMask=1)
    ins = [shape, vector(1), vector(2), vector(1)]
    (steps,) = net.op("STRIDED_SLICE", ins, [T((), "int32")], "StridedSliceOptions", shrinkAxisMask=1)
    ins = [n, steps, net.const(np.array(5, np.int32))]
    (back,) = net.op("PACK", ins, [T((3,), "int32")], "PackOptions", valuesCount=3)
    (y,) = net.op("RESHAPE", [y, back], [t(-1, -1, 5)], "ReshapeOptions", newShape=[])
    (y,) = net.op("MEAN", [y, vector(1)], [t(-1, 5)], "ReducerOptions")
    net.op("SOFTMAX", [y], [t(-1, 5)], "SoftmaxOptions", beta=1.0)
    return net.bytes()


@pytest.mark.parametrize("shape", [(1, 9, 4), (1, 3, 4), (2, 7, 4)])
def test_tflite_equals_litert(shape: tuple[int, ...], tmp_path: Path) -> None:
    data, x = tflite_sequence(), RNG.normal(size=shape).astype(np.float32)
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    with pytest.raises(
        UsageError, match=r"net\.tflite: the file leaves open .* of input 't0' \[\?, \?, 4\].*--shape t0=1,16,4"
    ):
        load(path)
    net = load(path, shapes={"t0": shape})
    (got,) = Interpreter(net.program).call("forward", x)
    np.testing.assert_allclose(got, _resized(data, [x])[0], rtol=1e-5, atol=1e-6)
    assert {n.op for n in net.program.main.nodes} <= {"reshape", "conv2d", "linear", "mean", "softmax"}
    with pytest.raises(UsageError, match=r"--dim \(dims\) is not for \.tflite files; it takes --shape \(shapes\)"):
        load(path, dims={"t0": 1})
