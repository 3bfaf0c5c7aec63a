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


def test_projections_are_refused() -> None:
    with pytest.raises(Unsupported, match="proj_size"):
        capture(Wrapped(nn.LSTM(3, 4, proj_size=2).eval(), False), (torch.zeros(2, 1, 3),))
