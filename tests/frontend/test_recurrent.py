"""nn.LSTM, nn.GRU and nn.RNN over a sequence against PyTorch, in the interpreter and as C."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.errors import Unsupported
from picozoo.ir.interp import Interpreter

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from picozoo.frontend.torch_export import capture  # noqa: E402

KINDS: list[tuple[Any, dict[str, Any]]] = [
    (nn.LSTM, {}),
    (nn.LSTM, {"num_layers": 2, "batch_first": True, "bidirectional": True}),
    (nn.LSTM, {"bias": False}),
    (nn.GRU, {}),
    (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    (nn.GRU, {"bias": False, "batch_first": True}),
    (nn.RNN, {}),
    (nn.RNN, {"nonlinearity": "relu", "bidirectional": True}),
]


class Wrapped(nn.Module):
    """The output and all final states."""

    def __init__(self, layer: nn.Module, start: bool) -> None:
        super().__init__()
        self.layer, self.start = layer, start

    def forward(self, x: Any, *state: Any) -> Any:
        hx = (state if len(state) > 1 else state[0]) if self.start else None
        y, last = self.layer(x, hx)
        return (y, *last) if isinstance(last, tuple) else (y, last)


@pytest.mark.parametrize(
    ("kind", "options"), KINDS, ids=lambda v: getattr(v, "__name__", None) or "-".join(v) or "plain"
)
@pytest.mark.parametrize("start", [False, True], ids=["from zero", "from a state"])
def test_equals_pytorch(kind: Any, options: dict[str, Any], start: bool) -> None:
    torch.manual_seed(0)
    layer = kind(5, 4, **options).eval()
    x = torch.randn((2, 6, 5) if options.get("batch_first") else (6, 2, 5))
    rows = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    state = [torch.randn(rows, 2, 4) for _ in range(2 if kind is nn.LSTM else 1)] if start else []
    net = Wrapped(layer, start).eval()
    program = capture(net, (x, *state))
    got = Interpreter(program).call("forward", x.numpy(), *(s.numpy() for s in state))
    with torch.no_grad():
        want = net(x, *state)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_on_a_board(kind: Any) -> None:
    torch.manual_seed(1)
    net = Wrapped(kind(3, 4).eval(), False).eval()
    x = torch.randn(5, 3)  # without a batch
    fw = pz.compile(net, (x,), board="nano33ble")
    with fw.session() as s, torch.no_grad():
        for g, w in zip(s.call("forward", x.numpy()), net(x), strict=True):
            np.testing.assert_allclose(g, w.numpy(), rtol=1e-4, atol=1e-5)


class Classifier(nn.Module):
    """A recurrent layer and a fully connected one on its last step."""

    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.layer = kind(6, 8, batch_first=True, **options)
        self.out = nn.Linear(16 if options.get("bidirectional") else 8, 4)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(x)[0][:, -1])


class Attention(nn.Module):
    """Products of activations with each other, and their normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.norm = nn.LayerNorm(6)
        with torch.no_grad():
            self.norm.weight.mul_(torch.linspace(0.5, 2, 6))
            self.norm.bias.add_(torch.linspace(-1, 1, 6))

    def forward(self, x: Any) -> Any:
        scores = self.first(x) @ self.second(x).transpose(1, 2) / 6**0.5
        return torch.softmax(self.out(self.norm(torch.softmax(scores, -1) @ x + x)), -1)


def _quantised(net: Any, x: Any, **options: Any) -> tuple[list[str], float]:
    """Operators that read or make floats, and the signal to noise ratio on the board in decibels."""
    fw = pz.compile(net, (x[:1],), board="nano33ble", calibrate=x, io="float32", **options)
    program = fw.program
    f = program.functions["forward"]
    floats = [n.op for n in f.nodes if any(program.type_of(f, r).is_float for r in (*n.inputs, *n.outputs))]
    with fw.session() as s, torch.no_grad():
        pairs = [(s.call_real("forward", v.numpy())[0], net(v).numpy()) for v in x[:6].split(1)]
    for value, _ in zip(x[:2].split(1), pairs, strict=False):
        want = Interpreter(program).call("forward", value.numpy())[0]
        np.testing.assert_allclose(fw.run(value.numpy()), want, rtol=1e-6)  # only a last softmax is float
    noise = sum(float(((g - w) ** 2).sum()) for g, w in pairs)
    return floats, 10 * np.log10(sum(float((w**2).sum()) for _, w in pairs) / noise)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
        (nn.GRU, {"num_layers": 2}),
        (nn.RNN, {"nonlinearity": "relu", "bidirectional": True}),
        (nn.RNN, {}),
        (Attention, {}),
    ],
    ids=["lstm", "gru", "rnn-relu", "rnn-tanh", "attention"],
)
def test_whole_network_in_int8(kind: Any, options: dict[str, Any]) -> None:
    torch.manual_seed(3)
    net = (kind() if kind is Attention else Classifier(kind, **options)).eval()
    floats, decibels = _quantised(net, torch.randn(24, 10, 6))
    assert floats == ["quantize", "dequantize"] + ["softmax"] * (kind is Attention)  # the last one: probabilities
    assert decibels > 27


class LastState(nn.Module):
    """A fully connected layer on what is kept in the end: y's last step, h or c."""

    def __init__(self, kind: Any, which: int) -> None:
        super().__init__()
        self.layer, self.out, self.which = kind(6, 8), nn.Linear(8, 4), which

    def forward(self, x: Any) -> Any:
        last = self.layer(x)[1]
        return self.out((last if torch.is_tensor(last) else last[self.which])[-1])


@pytest.mark.parametrize(("kind", "which"), [(nn.LSTM, 0), (nn.LSTM, 1), (nn.GRU, 0), (nn.RNN, 0)])
def test_layers_read_the_last_state(kind: Any, which: int) -> None:
    """Kept in int16 from step to step, it is converted for a layer that reads int8."""
    torch.manual_seed(3)
    x = torch.randn(24, 10, 6)
    fw = pz.compile(LastState(kind, which).eval(), (x[0],), board="nano33ble", calibrate=x)
    f = fw.program.main
    assert f.nodes[-1].op == "linear"
    assert not any(fw.program.type_of(f, r).is_float for n in f.nodes for r in (*n.inputs, *n.outputs))
    assert fw.report.quantisation[-1].snr_db > 30


def test_cells_need_room_on_the_way() -> None:
    """The cell is largest in the middle and forgotten in the end: the range of the last step would not do."""
    torch.manual_seed(4)
    net = LastState(nn.LSTM, 1).eval()
    with torch.no_grad():
        net.layer.weight_ih_l0[8:16] = 2.0  # keeps everything while inputs are positive, and nothing after
        net.layer.weight_ih_l0[16:24] = 0.5
    x = torch.full((4, 24, 6), 1.0) + torch.randn(4, 24, 6) * 0.1
    x[:, 16:] -= 2
    fw = pz.compile(net, (x[0],), board="host", calibrate=x)
    with torch.no_grad():
        sizes = [float(net.layer(x[0][:k])[1][1].abs().max()) for k in range(1, 25)]
    f = fw.program.main
    cell = fw.program.type_of(f, next(n for n in f.nodes if n.op == "lstm_sequence").outputs[2]).quant
    assert cell is not None
    assert max(sizes) > 4 * sizes[-1]
    assert 32767 * cell.scale[0] > max(sizes)


def test_slow_states_move_in_int8() -> None:
    """A gate that keeps 99 % lets the state move by a fortieth of an int8 step each time."""
    torch.manual_seed(3)
    net = nn.GRU(2, 3).eval()
    with torch.no_grad():
        net.bias_ih_l0[3:6] += 5.0
    x = torch.rand(80, 1, 2)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = net

        def forward(self, x: Any) -> Any:
            return self.layer(x.reshape(80, 1, 2))[0][-1]

    fw = pz.compile(Last().eval(), (x,), board="host", calibrate=x[None], io="float32")
    assert np.abs(fw.run(x.numpy()) - Last().eval()(x).detach().numpy()).max() < 0.02


class Steps(nn.Module):
    """One step by hand: the output and the new state."""

    def __init__(self, cell: Any, **options: Any) -> None:
        super().__init__()
        self.cell, self.out = cell(5, 8, **options), nn.Linear(8, 3)

    def forward(self, x: Any, h: Any) -> Any:
        h = self.cell(x, h)
        return self.out(h), h


@pytest.mark.parametrize(
    ("cell", "options"),
    [(nn.GRUCell, {}), (nn.GRUCell, {"bias": False}), (nn.RNNCell, {}), (nn.RNNCell, {"nonlinearity": "relu"})],
)
def test_cells(cell: Any, options: dict[str, Any]) -> None:
    """In float, and in integers with an int16 state between the caller's calls."""
    torch.manual_seed(6)
    net, x, h = Steps(cell, **options).eval(), torch.randn(24, 1, 5), torch.tanh(torch.randn(24, 1, 8))
    program = capture(net, (x[0], h[0]))
    with torch.no_grad():
        for g, w in zip(Interpreter(program).call("forward", x[0].numpy(), h[0].numpy()), net(x[0], h[0]), strict=True):
            np.testing.assert_allclose(g, w.numpy(), rtol=1e-4, atol=1e-5)
    fw = pz.compile(net, (x[0], h[0]), board="host", calibrate=(x.numpy(), h.numpy()))
    f = fw.program.main
    assert not any(fw.program.type_of(f, r).is_float for n in f.nodes for r in n.outputs)
    assert fw.program.type_of(f, f.results[1]).dtype == fw.program.type_of(f, f.params[1]).dtype == "i16"
    assert all(row.snr_db > 30 for row in fw.report.quantisation)


def test_projections_are_refused() -> None:
    with pytest.raises(Unsupported, match="proj_size"):
        capture(Wrapped(nn.LSTM(3, 4, proj_size=2).eval(), False), (torch.zeros(2, 1, 3),))
