"""PReLU from ONNX and PyTorch, in float and int8, against ONNX Runtime and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from picozoo.boards.host import BOARD
from picozoo.compiler import Options, compile_network
from picozoo.frontend import onnx as importer
from picozoo.ir.interp import Interpreter
from picozoo.network import from_module, load

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
torch = pytest.importorskip("torch")

from onnx import helper  # noqa: E402

from .test_onnx import both, model  # noqa: E402


@pytest.mark.parametrize("slopes", [(3, 1, 1), (1,), (), (1, 3, 1, 1), (5,), (3, 4, 5)])
def test_onnx_equals_onnx_runtime(slopes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(slopes))
    x, s = (rng.normal(size=n).astype(np.float32) for n in ((2, 3, 4, 5), slopes))
    data = model([helper.make_node("PRelu", ["x", "s"], ["y"])], {"x": list(x.shape)}, ["y"], {"s": np.asarray(s)})
    (got,), (want,) = both(data, {"x": x})
    np.testing.assert_allclose(got, want, rtol=1e-6)
    ops = [n.op for n in importer.from_bytes(data, "case").functions["forward"].nodes]
    assert ops == ["leaky_relu" if np.size(s) == 1 else "prelu"]


def quantized(slopes: np.ndarray, as_int8: bool) -> bytes:
    """int8 -> PRelu -> int8 as quantize and dequantize nodes; slopes float, or int8 too."""
    numbers: dict[str, Any] = {
        "x_s": np.float32(0.03),
        "x_z": np.int8(-9),
        "y_s": np.float32(0.0217),
        "y_z": np.int8(40),
    }
    numbers["s"] = slopes
    nodes, name = [], "s"
    if as_int8:
        numbers |= {"s": np.rint(slopes / 0.004).astype(np.int8), "s_s": np.float32(0.004), "s_z": np.int8(0)}
        nodes, name = [helper.make_node("DequantizeLinear", ["s", "s_s", "s_z"], ["sd"])], "sd"
    nodes += [
        helper.make_node("QuantizeLinear", ["x", "x_s", "x_z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "x_s", "x_z"], ["xd"]),
        helper.make_node("PRelu", ["xd", name], ["yf"]),
        helper.make_node("QuantizeLinear", ["yf", "y_s", "y_z"], ["yq"]),
        helper.make_node("DequantizeLinear", ["yq", "y_s", "y_z"], ["y"]),
    ]
    return model(nodes, {"x": [1, 16, 8, 8]}, ["y"], numbers)


@pytest.mark.parametrize(("shape", "as_int8"), [((16, 1, 1), False), ((16, 1, 1), True), ((1,), True)])
def test_quantized_onnx_stays_in_integers(tmp_path: Any, shape: tuple[int, ...], as_int8: bool) -> None:
    """At most one step beside ONNX Runtime, which rounds once, and that seldom."""
    rng = np.random.default_rng(7)
    path = tmp_path / "prelu.onnx"
    path.write_bytes(quantized(rng.uniform(-0.1, 0.5, shape).astype(np.float32), as_int8))
    fw = compile_network(load(path), BOARD, Options())
    assert {n.op for n in fw.program.functions["forward"].nodes} <= {"prelu", "lookup", "transpose"}
    x = rng.normal(0, 2, (1, 16, 8, 8)).astype(np.float32)
    (want,) = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    steps = np.abs(np.rint((fw.run(x).reshape(want.shape) - want) / 0.0217))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 0.02


class Net(torch.nn.Module):
    """A slope for each channel of a picture, one for all, one for each feature."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.each, self.one = torch.nn.Conv2d(2, 3, 3), torch.nn.PReLU(3), torch.nn.PReLU()
        self.out, self.last = torch.nn.Linear(48, 5), torch.nn.PReLU(5)
        with torch.no_grad():
            self.each.weight.copy_(torch.tensor([0.5, -0.2, 0.1]))
            self.last.weight.copy_(torch.linspace(-0.3, 0.4, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.one(self.each(self.conv(x)))  # (1, 2, 6, 6) -> (1, 3, 4, 4)
        y: torch.Tensor = self.last(self.out(h.flatten(1)))
        return y


def test_pytorch_in_float_and_int8() -> None:
    torch.manual_seed(0)
    net, xs = Net().eval(), torch.randn(40, 1, 2, 6, 6)
    with torch.no_grad():
        want = np.stack([net(x).numpy() for x in xs])
    plain = from_module(net, (xs[0],), calibrate=xs[:, 0].numpy())
    got = np.stack([Interpreter(plain.program).call("forward", x.numpy())[0] for x in xs])
    np.testing.assert_allclose(got, want, atol=1e-5)
    fw = compile_network(plain, BOARD, Options(precision="int8"))
    ops = {n.op for n in fw.program.functions["forward"].nodes}
    assert "prelu" in ops and not ops & {"where", "mul", "fused"}
    made = np.stack([fw.run(x.numpy()).reshape(want[0].shape) for x in xs])
    assert np.sqrt(((made - want) ** 2).mean()) < 0.03 * want.std()
