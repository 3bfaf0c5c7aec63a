"""A compiled training step against torch.optim: loss and every learnt parameter, on the host and on boards."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import picozoo as pz  # noqa: E402
from picozoo import find  # noqa: E402
from picozoo.errors import DoesNotFit, Unsupported, UsageError  # noqa: E402
from picozoo.evaluate import evaluate  # noqa: E402
from picozoo.network import load, with_learning  # noqa: E402
from picozoo.report.data import Report  # noqa: E402
from picozoo.report.figures import learning_text  # noqa: E402
from picozoo.train import gradients, weights  # noqa: E402
from picozoo.zoo import _turned  # noqa: E402

STEPS, RATE = 3, {"sgd": 0.05, "momentum": 0.02, "adam": 1e-3}


def optimiser(kind: str, params: list[Any]) -> Any:
    if kind == "adam":
        return torch.optim.Adam(params, RATE[kind])
    return torch.optim.SGD(params, RATE[kind], momentum=0.9 if kind == "momentum" else 0)


def compare(
    module: nn.Module, shape: tuple[int, ...], scope: str, kind: str, board: str, taught: Any = None, **more: Any
) -> Any:
    """Learn on the board and in PyTorch; the same losses and parameters, and the way back. `taught`: (x, y) pairs."""
    module = module.eval()
    x0 = torch.zeros(shape)
    firmware = pz.compile(module, (x0,), board=board, learn=scope, optimiser=kind, rate=RATE[kind], name="n", **more)
    twin = copy.deepcopy(module)
    names = gradients.chosen(twin, (x0,), scope, "forward")
    rule = optimiser(kind, [p for k, p in twin.named_parameters() if k in names])
    with torch.no_grad():
        logits = twin(x0)
    sorts = logits.shape[-1] > 1
    rng = np.random.default_rng(0)
    with firmware.session() as s:
        for step in range(STEPS if taught is None else len(taught)):
            x = rng.random(shape).astype(np.float32)
            y = rng.integers(0, logits.shape[-1], 1) if sorts else rng.random(logits.shape).astype(np.float32)
            if taught is not None:
                x, y = taught[step]
            out, goal = twin(torch.from_numpy(x)), torch.from_numpy(y)
            loss = nn.functional.cross_entropy(out, goal) if sorts else nn.functional.mse_loss(out, goal)
            rule.zero_grad()
            loss.backward()
            rule.step()
            assert s.call("learn", x, y)[0][0] == pytest.approx(float(loss.detach()), abs=1e-4)
        assert names
        for name, p in twin.named_parameters():
            if name in names:
                assert np.allclose(s.get_state(name), p.detach().numpy(), rtol=1e-4, atol=1e-5), name
        if more.get("snapshot", True):
            learnt = s.call("forward", x)[0]
            s.call("rollback")
            with torch.no_grad():
                assert np.allclose(s.call("forward", x)[0], module(torch.from_numpy(x)).numpy(), atol=1e-4)
                assert not np.allclose(learnt, module(torch.from_numpy(x)).numpy(), atol=1e-6)
    return firmware


class Small(nn.Module):
    """One of each kind of layer whose gradient is an operator, and a branch that joins again."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.fc, self.out = nn.Linear(16, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.a(x))
        y = y + torch.nn.functional.max_pool2d(torch.sigmoid(self.b(y)), 3, 1, 1)
        y = torch.tanh(self.fc(torch.nn.functional.avg_pool2d(y, 2).flatten(1)[:, :16]))
        return self.out(torch.nn.functional.gelu(y))


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        pytest.param(s, k, marks=() if (s, k) in (("all", "sgd"), ("bias", "adam")) else pytest.mark.slow)
        for s in gradients.SCOPES
        for k in gradients.OPTIMISERS
    ],
)
def test_lenet5_learns_as_pytorch(scope: str, kind: str) -> None:
    compare(weights.trained(load("lenet5")), (1, 1, 28, 28), scope, kind, "host")


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "board"), [("last-layer", "nano33ble"), ("bias", "pico"), ("all", "nucleo_l4r5zi")])
def test_lenet5_learns_on_boards(scope: str, board: str) -> None:
    compare(weights.trained(load("lenet5")), (1, 1, 28, 28), scope, "sgd", board, snapshot=False).check_fits()


@pytest.mark.slow
@pytest.mark.parametrize(("scope", "kind"), [("last-layer", "sgd"), ("last-layer", "adam"), ("bias", "sgd")])
def test_deep_ff_adapts_as_pytorch(scope: str, kind: str) -> None:
    """Its own stream of turned digits, on the board it is shown on; all other weights stay in flash."""
    _, (x, y), _ = find.load("zoo", "deep_ff", "network").adapt(1)
    taught = [(a, np.asarray(b).reshape(1)) for a, b in zip(x[:6], y[:6], strict=True)]
    module = weights.trained(load("deep_ff"))
    firmware = compare(module, (1, 1, 28, 28), scope, kind, "nano33ble", taught, snapshot=False)
    firmware.check_fits()
    assert firmware.model.state < 20_000


@pytest.mark.parametrize("name", [pytest.param("deep_ff", marks=pytest.mark.slow), "lenet5"])
def test_a_report_says_what_it_went_on_from(name: str) -> None:
    report = evaluate(pz.compile(name, board="host", learn="last-layer", snapshot=False), samples=60)
    assert report.learning is not None
    assert report.learning.accuracy_after > report.learning.accuracy_before + 0.1
    words = learning_text(report)
    assert "from the shipped weights: 200 examples of digits turned by 60 degrees" in words
    assert "from nothing" not in words
    assert Report.from_json(report.to_json()).learning == report.learning


def test_turning_is_pytorchs() -> None:
    x = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)
    a = np.deg2rad(60)
    theta = torch.tensor([[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0]]], dtype=torch.float32).expand(3, 2, 3)
    grid = nn.functional.affine_grid(theta, (3, 1, 28, 28), align_corners=True)
    want = nn.functional.grid_sample(torch.from_numpy(x), grid, align_corners=True).numpy()
    assert np.allclose(_turned.turn(x, 60), want, atol=1e-4)


@pytest.mark.parametrize("kind", gradients.OPTIMISERS)
def test_other_layers(kind: str) -> None:
    torch.manual_seed(3)
    compare(Small(), (1, 2, 8, 8), "all", kind, "pico")


def test_squared_error() -> None:
    torch.manual_seed(4)
    compare(nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)), (3, 5), "all", "sgd", "host")


def test_last_layer_is_the_one_used_last() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.body = nn.Linear(4, 2), nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(self.body(x)))

    assert gradients.chosen(Backwards(), (torch.zeros(1, 3),), "last-layer", "forward") == ["head.weight", "head.bias"]


def test_outer_products_take_no_memory() -> None:
    """A gradient of a dense layer for one example is never written out."""
    net = nn.Sequential(nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 10))
    firmware = pz.compile(net, (torch.zeros(1, 200),), board="host", learn="all", snapshot=False)
    assert firmware.model.arena < 4 * 2 * 200 * 4
    assert firmware.model.state <= 4 * sum(p.numel() for p in net.parameters()) + 64


def test_refusals() -> None:
    with pytest.raises(UsageError, match="learn must be one of"):
        gradients.Learning("some")
    with pytest.raises(UsageError, match="above 0"):
        gradients.Learning(rate=0)
    with pytest.raises(UsageError, match="no parameters"):
        pz.compile(nn.ReLU(), (torch.zeros(1, 3),), board="host", learn="all")
    with pytest.raises(UsageError, match="one float tensor"):
        with_learning(load("perceptron"), "all")
    with pytest.raises(Unsupported, match="one by one"):
        with_learning(load("lstm_activity"), "all")
    with pytest.raises(DoesNotFit, match="bytes of RAM"):
        pz.compile("lenet5", board="nano33ble", learn="all").check_fits()
