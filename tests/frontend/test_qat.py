"""Quantisation-aware training: torchao's converted graph becomes integer kernels that give what it gives."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.compiler import Firmware, to_slot
from picozoo.ir.interp import Interpreter

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
from torch import nn  # noqa: E402

from picozoo.train import qat  # noqa: E402

from .test_qat_ops import Block  # noqa: E402


class Net(nn.Module):
    """Convolution with batch norm, pooling, a residual addition, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.c2, self.pool, self.out = nn.Conv2d(4, 4, 3, padding=1), nn.MaxPool2d(2), nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        x = self.pool(torch.relu(self.b1(self.c1(x))))
        return self.out((x + torch.relu(self.c2(x))).flatten(1))


def blobs(n: int, seed: int) -> tuple[Any, Any]:
    """Pictures with a bright row, a bright column, or noise."""
    rng = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, 1, 4, 4, generator=rng) * 0.4, torch.randint(0, 3, (n,), generator=rng)
    x[y == 0, :, 1] += 1.5
    x[y == 1, :, :, 2] += 1.5
    return x, y


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Firmware, float]:
    """The converted module, its firmware, and the accuracy of the float network that it came from."""
    torch.manual_seed(0)
    net = Net()
    x, y = blobs(320, 1)

    def batches() -> Iterator[tuple[Any, Any]]:
        yield from zip(x.split(32), y.split(32), strict=True)

    step = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(4):
        for a, b in batches():
            step.zero_grad()
            nn.functional.cross_entropy(net(a), b).backward()
            step.step()
    held, want = blobs(200, 2)
    with torch.no_grad():
        accuracy = float((net.eval()(held).argmax(1) == want).float().mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = qat.finetune(net, (x[:1],), batches, nn.functional.cross_entropy, epochs=1)
        return made, pz.compile(made, (x[:1],), board="nano33ble", name="qat"), accuracy


def test_all_integers(trained: tuple[Any, Firmware, float]) -> None:
    """Every layer has become its integer kernel, activations and batch norm inside."""
    _, fw, _ = trained
    f = fw.program.main
    assert fw.precision == "int8"
    assert {fw.program.type_of(f, n.outputs[0]).dtype for n in f.nodes} == {"i8"}
    assert {"conv2d", "max_pool2d", "conv2d_add", "linear"} <= {n.op for n in f.nodes} <= {
        "conv2d", "max_pool2d", "conv2d_add", "linear", "transpose", "reshape", "fused"
    }  # fmt: skip
    assert all(n.attrs.act == "relu" for n in f.nodes if n.op == "conv2d")


def test_board_equals_reference_and_pytorch(trained: tuple[Any, Firmware, float]) -> None:
    """Bits on the board; PyTorch computes the same graph in float between its roundings, so one step at most."""
    made, fw, accuracy = trained
    x, y = blobs(200, 2)
    slot, out = fw.model.entries["forward"].inputs[0], fw.model.entries["forward"].outputs[0].type.quant
    assert out is not None
    machine, right, equal = Interpreter(fw.program), 0, 0
    with fw.session() as s, torch.no_grad():
        for k in range(len(x)):
            raw = to_slot(x[k : k + 1], slot)
            got = machine.call("forward", raw)[0]
            if k < 40:
                assert np.array_equal(s.call("forward", raw)[0], got)
            real = (got.astype(np.int32) - out.zero_point[0]) * out.scale[0]
            steps = np.abs(real - made(x[k : k + 1]).numpy()) / out.scale[0]
            assert steps.max() < 1.5
            equal += int(steps.max() < 0.5)
            right += int(got.argmax() == y[k])
    assert equal >= 0.8 * len(x)
    assert right / len(x) >= accuracy - 0.05


def test_calibration_alone(trained: tuple[Any, Firmware, float]) -> None:
    """The same annotations without training, and a module left in float."""
    torch.manual_seed(3)
    net, (x, _) = Net().eval(), blobs(16, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = qat.calibrated(net, (x[:1],), x, keep_float=("c2",))
        fw = pz.compile(made, (x[:1],), board="host")
    f = fw.program.main
    kinds = [fw.program.type_of(f, n.inputs[0]).dtype for n in f.nodes if n.op == "conv2d"]
    assert sorted(kinds) == ["f32", "i8"]
    with torch.no_grad():
        want = made(x[:1]).numpy()
    got = Interpreter(fw.program).call("forward", to_slot(x[:1], fw.model.entries["forward"].inputs[0]))[0]
    out = fw.program.type_of(f, f.results[0]).quant
    assert out is not None
    assert np.abs((got.astype(np.int32) - out.zero_point[0]) * out.scale[0] - want).max() < 1.5 * out.scale[0]


@pytest.mark.slow
def test_a_transformer_block() -> None:
    """All integers after a few steps, dropout included in training; what PyTorch computes, to a step and a half."""
    torch.manual_seed(5)
    net, x = Block(), torch.randn(96, 6, 4)
    y = x[:, 0, :3].argmax(1)

    def batches() -> Iterator[tuple[Any, Any]]:
        yield from zip(x.split(32), y.split(32), strict=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = qat.finetune(net, (x[:1],), batches, nn.functional.cross_entropy, epochs=3, rate=1e-2)
        fw = pz.compile(made, (x[:1],), board="nano33ble", name="block")
    f = fw.program.main
    assert {fw.program.type_of(f, r).dtype for n in f.nodes for r in n.outputs} == {"i8"}
    assert {"matmul", "softmax", "layer_norm"} <= {n.op for n in f.nodes}
    slot, out = fw.model.entries["forward"].inputs[0], fw.model.entries["forward"].outputs[0].type.quant
    assert out is not None
    machine, steps = Interpreter(fw.program), []
    with fw.session() as s, torch.no_grad():
        for k in range(32):
            raw = to_slot(x[k : k + 1], slot)
            got = machine.call("forward", raw)[0]
            assert k >= 3 or np.array_equal(s.call("forward", raw)[0], got)
            real = (got.astype(np.int32) - out.zero_point[0]) * out.scale[0]
            steps.append(np.abs(real - made(x[k : k + 1]).numpy()).mean() / out.scale[0])
    assert np.mean(steps) < 1.5


@pytest.mark.slow
def test_a_file_in_a_new_process(trained: tuple[Any, Firmware, float], tmp_path: Path) -> None:
    """Which has not imported torchao, so that PyTorch does not know the operators of quantised graphs yet."""
    made, _, _ = trained
    torch.export.save(torch.export.export(made, (torch.zeros(1, 1, 4, 4),)), tmp_path / "q.pt2")
    code = f"import picozoo as pz; print(pz.compile({str(tmp_path / 'q.pt2')!r}, board='nano33ble').precision)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["int8"], done.stderr
