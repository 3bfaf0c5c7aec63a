"""Quantisation-aware training knows exactly what the kernels can do: what becomes integers after training, with ranges
chosen by picozoo, becomes integers when PyTorch chooses them, operator by operator."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import pytest

import picozoo as pz
from picozoo import ops
from picozoo.compiler import Firmware
from picozoo.frontend.torch_export import readers

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
from torch import nn  # noqa: E402

from picozoo.train import qat  # noqa: E402

F = nn.functional
UNARY: list[Any] = [
    torch.abs, torch.asinh, torch.atan, torch.ceil, torch.cos, torch.cosh, torch.erf, torch.exp, torch.floor, torch.neg,
    torch.round, torch.sign, torch.sin, torch.sinh, torch.tan, torch.tanh, torch.sigmoid, F.elu, F.gelu, F.hardsigmoid,
    F.hardswish, F.leaky_relu, F.silu, F.softplus,
    lambda x: F.relu(torch.neg(x)), lambda x: torch.clamp(torch.neg(x), -0.4, 0.7),
]  # fmt: skip
NARROW: list[Any] = [torch.acos, torch.asin, torch.atanh]  # of -0.9 ... 0.9
POSITIVE: list[Any] = [torch.acosh, torch.log, torch.reciprocal, torch.rsqrt, torch.sqrt]  # of 1 ... 2


class Functions(nn.Module):
    """Functions of one value, each behind a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.slopes = nn.PReLU(6)
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(len(UNARY + NARROW + POSITIVE) + 1))

    def forward(self, x: Any) -> Any:
        made = [layer(x) for layer in self.layers]
        n, m = len(UNARY), len(UNARY + NARROW)
        some = [f(v) for f, v in zip(UNARY, made[:n], strict=True)]
        some += [f(torch.tanh(v) * 0.9) for f, v in zip(NARROW, made[n:m], strict=True)]
        some += [f(torch.sigmoid(v) + 1) for f, v in zip(POSITIVE, made[m:-1], strict=True)]
        return torch.cat([*some, self.slopes(made[-1])], 1)


class Pictures(nn.Module):
    """Convolutions, poolings, movers, arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.n1, self.c2 = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.up, self.f1, self.n2 = nn.ConvTranspose2d(4, 2, 2, 2), nn.Linear(16, 8), nn.BatchNorm1d(8)
        self.f2 = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.n1(self.c1(x)))
        x = F.max_pool2d(x, 2) + F.avg_pool2d(torch.relu(self.c2(x)), 2)
        x = x.index_select(2, torch.tensor([1, 0]))
        x = F.pad(self.up(x), (0, 1, 0, 1))[:, :, 1:, 1:]
        a, b = x.chunk(2, 1)
        x = torch.cat([a - b, a * b, torch.square(a), 1 - b / 3], 1)  # (N, 4, 4, 4)
        x = torch.cat([x.amax((2, 3)), x.amin((2, 3)), x.mean((2, 3)), x.transpose(1, 2)[:, 1, :, 2]], 1)
        x = torch.relu(self.n2(self.f1(x)))
        return self.f2(x + x.mean(1, keepdim=True).expand(-1, 8))


class Block(nn.Module):
    """A transformer block with embedded places, and a product of two activations by hand."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.place = nn.Embedding(6, 8)
        self.first = nn.Linear(4, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout, "gelu", batch_first=True, norm_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = self.block(self.first(x) + self.place(torch.arange(6)))
        x = F.scaled_dot_product_attention(x, x, x, is_causal=True)
        return self.out((torch.softmax(x @ x.transpose(1, 2), -1) @ x)[:, 0])


class Recurrent(nn.Module):
    """Layers over a sequence, layers on layers, both ways, and one step by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
        self.gru, self.rnn, self.cell = (
            nn.GRU(6, 4, batch_first=True),
            nn.RNN(4, 4, batch_first=True),
            nn.LSTMCell(4, 4),
        )
        self.step, self.out = nn.GRUCell(4, 4), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        y = self.rnn(self.gru(self.lstm(x)[0])[0])[0]
        return self.out(self.step(self.cell(y[:, -1])[0]))


NETS = {
    "functions": (Functions, (6,)),
    "pictures": (Pictures, (2, 4, 4)),
    "block": (Block, (6, 4)),
    "recurrent": (Recurrent, (6, 4)),
}


def kinds(fw: Firmware) -> tuple[Counter[str], Counter[str]]:
    """How often each operator is in integers, and in float; pairs and moves of the conversion left out."""
    f, found = fw.program.main, (Counter[str](), Counter[str]())
    for n in f.nodes:
        for part in n.op.split("+"):
            if part not in ("quantize", "dequantize", "requantize", "reshape", "transpose", "slice"):
                found[int(fw.program.type_of(f, n.outputs[0]).is_float)][part] += 1
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[Firmware, Firmware]]:
    """Every network both ways: ranges by picozoo, and by PyTorch with the quantiser's annotations."""
    found = {}
    for name, (net, shape) in NETS.items():
        torch.manual_seed(1)
        model, x = net().eval(), torch.randn(6, *shape)
        ours = pz.compile(model, (x[:1],), board="host", calibrate=x, name=name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pz.compile(qat.calibrated(model, (x[:1],), x), (x[:1],), board="host", name=name)
        found[name] = ours, theirs
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_same_operators_in_integers(made: dict[str, tuple[Firmware, Firmware]], name: str) -> None:
    ours, theirs = (kinds(fw) for fw in made[name])
    assert theirs == ours
    assert not ours[1]


@pytest.mark.slow
def test_no_operator_is_forgotten(made: dict[str, tuple[Firmware, Firmware]]) -> None:
    """Every operator that PyTorch's graphs can hold and that has an integer form is in one of the networks above."""
    can = {name for name, _ in readers().values() if name != "composite" and ops.get(name).quant_rule != "none"}
    seen = {n.op for pair in made.values() for n in pair[0].program.main.nodes}
    seen |= {n.op for pair in made.values() for n in pair[0].float_program.main.nodes}
    assert can - seen == set()
