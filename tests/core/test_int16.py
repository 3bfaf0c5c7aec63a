"""Layers asked to work in int16: whatever stands before and behind them, all of it stays in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.ir.interp import Interpreter

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


class Mixed(nn.Module):
    """Sums, poolings, a product, activations and a concatenation between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Linear(8 * 4, 3)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.a(x))
        x = torch.max_pool2d(x + torch.relu(self.b(x)), 2)
        x = nn.functional.avg_pool2d(x, 2) * torch.max_pool2d(x, 2)
        return self.out(torch.cat([torch.sigmoid(x), torch.tanh(x)], 1).flatten(1))


LAYERS = ("a", "b", "add", "max_pool2d", "max_pool2d_1", "avg_pool2d", "mul", "sigmoid", "tanh", "concat", "out")


@pytest.fixture(scope="module")
def mixed() -> Any:
    torch.manual_seed(1)
    return Mixed().eval(), torch.randn(8, 2, 8, 8)


def run(mixed: Any, int16: tuple[str, ...]) -> tuple[dict[str, str], float]:
    """Element type of each layer's output, and the error in decibels."""
    net, x = mixed
    fw = pz.compile(net, (x[:1],), board="host", calibrate=x, io="float32", int16=list(int16))
    f, machine = fw.program.main, Interpreter(fw.program)
    types = {
        n.name: fw.program.type_of(f, n.outputs[0]).dtype for n in f.nodes if n.op not in ("quantize", "dequantize")
    }
    with torch.no_grad():
        want = net(x[:3]).numpy()
    got = np.concatenate([machine.call("forward", v.numpy())[0] for v in x[:3].split(1)])
    return types, float(10 * np.log10((want**2).mean() / ((got - want) ** 2).mean()))


@pytest.mark.parametrize("layer", LAYERS)
def test_one_layer(mixed: Any, layer: str) -> None:
    types, decibels = run(mixed, (layer,))
    assert types[layer] == "i16" and set(types.values()) == {"i16", "i8"}
    assert decibels > 30


def test_all_layers(mixed: Any) -> None:
    types, decibels = run(mixed, LAYERS)
    assert set(types.values()) == {"i16"}
    assert decibels > 38


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent(kind: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.out = kind(4, 6, batch_first=True), nn.Linear(6, 3)

        def forward(self, x: Any) -> Any:
            return self.out(self.layer(x)[0])

    torch.manual_seed(2)
    net, x = Net().eval(), torch.randn(8, 7, 4)
    fw = pz.compile(net, (x[:1],), board="host", calibrate=x, name="net", int16=["layer", "out"])
    f = fw.program.main
    assert all(fw.program.type_of(f, r).dtype == "i16" for n in f.nodes for r in n.outputs)
    with fw.session() as s, torch.no_grad():
        assert np.abs(s.call_real("forward", x[:1].numpy())[0] - net(x[:1]).numpy()).max() < 0.003
