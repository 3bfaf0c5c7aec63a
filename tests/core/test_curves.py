"""Curves in int8: one table, one rounding, and only where integers stand on both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import picozoo
from picozoo.errors import UsageError
from picozoo.ir.interp import Interpreter

FORMS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "swish": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "hardswish": lambda x: x * nn.functional.relu6(x + 3) / 6,
    "scaled": lambda x: torch.sigmoid(x) * 2 - 0.5,
}


class Net(nn.Module):
    def __init__(self, form: Callable[[torch.Tensor], torch.Tensor], last: bool = False, kept: bool = False) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 4)
        self.form, self.last, self.kept = form, last, kept

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        x = self.form(self.a(x))
        if self.last:
            return x
        return (self.b(x), x) if self.kept else self.b(x)


def made(net: nn.Module, **options: Any) -> Any:
    torch.manual_seed(1)
    data = np.random.default_rng(0).normal(size=(40, 3, 8)).astype(np.float32)
    inputs = (torch.zeros(3, 8),)
    return picozoo.compile(net, inputs, board="host", calibrate=data, precision="int8", **options)


def kinds(fw: Any) -> list[str]:
    return [n.op for n in fw.program.main.nodes]


@pytest.mark.parametrize("name", FORMS)
def test_a_curve_is_one_table(name: str) -> None:
    torch.manual_seed(0)
    net = Net(FORMS[name])
    fw = made(net)
    assert kinds(fw) == ["linear", "lookup", "linear"]
    x = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    t = fw.program.main.types[fw.program.main.params[0]]
    assert t.quant is not None
    q = np.clip(np.rint(x / t.quant.scale[0]) + t.quant.zero_point[0], -128, 127).astype(np.int8)
    (y,) = Interpreter(fw.program).call("forward", q)
    out = fw.program.main.types[fw.program.main.results[0]].quant
    assert out is not None
    real = (y.astype(np.float64) - out.zero_point[0]) * out.scale[0]
    np.testing.assert_allclose(real, net(torch.tensor(x)).detach().numpy(), atol=6 * out.scale[0])


def test_a_curve_at_the_end_is_made_of_integers() -> None:
    """Its result leaves the network as int8: the operators round one by one, and their table does the same."""
    torch.manual_seed(0)
    assert kinds(made(Net(FORMS["swish"], last=True))) == ["linear", "lookup"]
    assert kinds(made(Net(FORMS["swish"], kept=True))) == ["linear", "lookup", "linear"]


def test_layers_that_were_asked_to_be_otherwise() -> None:
    """In float or int16 between two 8-bit values: the table has the bits that they would give."""
    torch.manual_seed(0)
    for options in ({"int16": ("mul",)}, {"keep_float": ("mul",)}):
        fw = made(Net(FORMS["swish"]), **options)
        assert kinds(fw) == ["linear", "lookup", "linear"]
        x = np.random.default_rng(1).integers(-128, 128, (3, 8)).astype(np.int8)
        (want,), (got,) = (Interpreter(p).call("forward", x) for p in (fw.whole_program, fw.program))
        np.testing.assert_array_equal(got, want)


def test_calibration_of_a_network_that_is_loaded_already(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.onnx.export(nn.Linear(8, 4), (torch.zeros(1, 8),), str(tmp_path / "l.onnx"), dynamo=False)
    net = picozoo.load(tmp_path / "l.onnx")
    data = np.random.default_rng(0).normal(size=(20, 1, 8)).astype(np.float32)
    assert picozoo.compile(net, board="host", calibrate=data).precision == "int8"
    assert net.calibration is None
    with pytest.raises(UsageError, match="give them to load"):
        picozoo.compile(net, board="host", dims={"n": 3})
