"""A PyTorch network with residual additions becomes integers throughout, and the board computes them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from picozoo import emulate, ladder  # noqa: E402
from picozoo.compiler import Options, compile_network, get_board  # noqa: E402
from picozoo.network import from_module  # noqa: E402


class Block(nn.Module):
    """relu(x + conv(relu(norm(conv(x)))))"""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.Conv2d(c, c, 3, padding=1)
        self.norm = nn.BatchNorm2d(c)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.b(torch.relu(self.norm(self.a(x)))))


def test_residual_adds_are_integers() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Block(8), Block(8), head).eval()
    x = torch.randn(32, 1, 3, 12, 12)
    net = from_module(module, (x[0],), calibrate=x.numpy())
    program = compile_network(net, get_board("host"), Options()).program
    nodes = program.main.nodes
    assert [n.attrs.act for n in nodes if n.op == "add"] == ["relu", "relu"]
    assert all(program.main.types[n.outputs[0]].dtype == "i8" for n in nodes)
    boards = ["nano33ble"] if not emulate.available(get_board("nano33ble")) else []
    assert all(rung.ok for rung in ladder.check(net, boards))


def test_arithmetic_alone_stays_float() -> None:
    class Scale(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 0.5 + 1.0

    x = torch.randn(16, 1, 4)
    net = from_module(Scale(), (x[0],), calibrate=x.numpy())
    program = compile_network(net, get_board("host"), Options()).program
    assert all(t.dtype == "f32" for t in program.main.types.values())
