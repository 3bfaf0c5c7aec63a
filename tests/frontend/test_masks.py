"""Attention that must not look at some places, in int8: masks of minus infinity, of truth values, and causal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import picozoo as pz
from picozoo.compress import accuracy
from picozoo.ir.interp import Interpreter

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

F = nn.functional
T = 10


def causal(q: Any, k: Any, v: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def chosen(q: Any, k: Any, v: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, torch.ones(T, T).tril() > 0)


def infinite(q: Any, k: Any, v: Any) -> Any:
    return F.scaled_dot_product_attention(q, k, v, torch.triu(torch.full((T, T), float("-inf")), 1))


def filled(q: Any, k: Any, v: Any) -> Any:
    """By hand, and with a bias for each distance beside the mask."""
    far = (torch.arange(T)[:, None] - torch.arange(T)).abs() * -0.2
    scores = (q @ k.transpose(-2, -1) + far).masked_fill(torch.ones(T, T).tril() == 0, -1e9)
    return scores.softmax(-1) @ v


class Net(nn.Module):
    """One head between two layers."""

    def __init__(self, attend: Any) -> None:
        super().__init__()
        self.attend, self.first, self.last = attend, nn.Linear(6, 24), nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        return self.last(self.attend(*self.first(x).chunk(3, -1)))


@pytest.mark.parametrize("attend", [causal, chosen, infinite, filled])
def test_masked_attention(attend: Any) -> None:
    torch.manual_seed(3)
    net, x = Net(attend).eval(), torch.randn(24, 1, T, 6) * 2
    fw = pz.compile(net, (x[0],), board="host", calibrate=x)
    f = fw.program.main
    assert not any(fw.program.type_of(f, r).is_float for n in f.nodes for r in n.outputs)
    calls = [("forward", (v.numpy(),)) for v in x]
    assert accuracy.outputs_db(fw.float_program, fw.program, calls) > 28
    rows = accuracy.layers(fw.float_program, fw.program, calls, 8)
    assert all(row.own_db > 20 for row in rows)
    # what is masked has no share at all: the first places of the answer do not change with the last ones of the input
    changed = x[0].numpy().copy()
    changed[:, -1] += 3
    t = f.types[f.params[0]]
    got = [Interpreter(fw.program).call("forward", accuracy.to_type(v, t))[0] for v in (x[0].numpy(), changed)]
    assert np.array_equal(got[0][:, :-1], got[1][:, :-1])
    assert not np.array_equal(got[0], got[1])
