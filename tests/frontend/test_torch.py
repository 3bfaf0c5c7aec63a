"""PyTorch modules through capture, passes and C, compared with PyTorch itself. Torch is the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import picozoo as pz  # noqa: E402
from picozoo.artefact import save_program  # noqa: E402
from picozoo.compress.quantise import calibrate  # noqa: E402
from picozoo.errors import BadFile, Unsupported, UsageError  # noqa: E402
from picozoo.frontend._torch_context import readers  # noqa: E402
from picozoo.frontend.torch_export import capture  # noqa: E402
from picozoo.ir.interp import Interpreter  # noqa: E402
from picozoo.passes import pipeline  # noqa: E402
from picozoo.specs import Calibration, Target  # noqa: E402


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, fn: object) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        return self.fn(*x)  # type: ignore[operator]


class Residual(nn.Module):
    """Two convolutions with batch norm and a skip, then a classifier: what fold_affine, layout and schedule work on."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.c, self.skip = nn.Conv2d(8, 8, 1), nn.Conv2d(3, 8, 1)
        self.n1, self.n2, self.n3 = nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.n1(self.a(x)))
        y = torch.nn.functional.relu6(self.n2(self.b(y)))
        y = torch.relu(self.n3(self.c(y)) + self.skip(x))
        y = torch.nn.functional.adaptive_avg_pool2d(y, 2)
        return self.fc(y.flatten(1))


def settled(module: nn.Module) -> nn.Module:
    """Batch norms with statistics that are not the initial ones."""
    torch.manual_seed(1)
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(m.running_mean, -0.5, 0.5)
            nn.init.uniform_(m.running_var, 0.5, 2)
            nn.init.uniform_(m.weight, 0.5, 2)
            nn.init.uniform_(m.bias, -0.5, 0.5)
    return module.eval()


F = torch.nn.functional
X = (2, 3, 4)
FUNCTIONS = {
    "arithmetic": (lambda a, b: (a + b) * 2 - a / (b.abs() + 1) + (1 - b), X, X),
    "alpha": (lambda a, b: torch.add(a, b, alpha=0.5) + torch.sub(a, b, alpha=2), X, X),
    "powers": (lambda a: a.pow(2) + a.abs().pow(1.5) + torch.square(a) + a.abs().sqrt() + (a.abs() + 1).rsqrt(), X),
    "compare": (
        lambda a, b: torch.where((a > b) & (a < 1) | (b >= 0.5), a, b).float() + (a == b).float() + (a != b),
        X,
        X,
    ),
    "limits": (lambda a: a.clamp(-0.5, 0.5) + a.clamp(min=0) + F.hardtanh(a) + F.relu6(a * 4), X),
    "activations": (
        lambda a: (
            F.gelu(a) + F.gelu(a, approximate="tanh") + F.silu(a) + F.elu(a) + F.leaky_relu(a, 0.2) + F.softplus(a)
        ),
        X,
    ),
    "hard": (
        lambda a: F.hardswish(a * 4) + F.hardsigmoid(a * 4) + torch.sign(a) + torch.floor(a * 3) + torch.round(a * 3),
        X,
    ),
    "trig": (lambda a: torch.sin(a * 5) + torch.cos(a * 5) + torch.erf(a) + torch.exp(a) + torch.log(a.abs() + 0.1), X),
    "softmax": (lambda a: F.softmax(a, -1) + F.log_softmax(a, 1) + F.softmax(a, 0), X),
    "reductions": (
        lambda a: a.sum((0, 2), keepdim=True) + a.mean(1, keepdim=True) + a.amax(-1, keepdim=True) - a.amin(0),
        X,
    ),
    "whole": (lambda a: a.sum() + a.mean() + a.max(), X) if False else (lambda a: a.sum() + a.mean() + a.amax(), X),
    "argmax": (lambda a: a.argmax(1) + a.argmax(), X),
    "topk": (
        lambda a: (
            torch.cat([torch.topk(a, 2, dim=1)[0], a.topk(1, 1, largest=False)[0]], 1)
            + torch.where(a >= a.topk(3).values[..., 2:], a, 0.0)
            + a.topk(3)[1].sum(-1, keepdim=True)
        ),
        X,
    ),
    "shapes": (lambda a: a.reshape(4, 6).t().unsqueeze(0).squeeze(0).flatten().view(2, 12).transpose(0, 1), X),
    "slices": (lambda a: torch.cat([a[:, 1:], a[:, :1, ::1]], 1)[..., 1:3] + torch.stack([a[0], a[1]])[:, :, 2:], X),
    "split": (lambda a: a.split(2, 2)[1] * a.chunk(2, 2)[0], X),
    "pad": (lambda a: F.pad(a, (1, 2, 0, 1), value=0.5), X),
    "expand": (lambda a: a[:, :1].expand(2, 3, 4) + a.permute(2, 0, 1).permute(1, 2, 0), X),
    "matmul": (lambda a, b: a @ b.transpose(1, 2) @ (b[0] @ b[0].t()), X, X),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (1, 2, 5, 4),
        (1, 2, 5, 4),
        (1, 2, 5, 4),
    ),
    "masked": (
        lambda a: a.masked_fill(a > 0, -1.0) + torch.zeros_like(a) + torch.full((4,), 2.0) + torch.ones(2, 1, 4),
        X,
    ),
    "outer": (lambda a: torch.addr(torch.ones(3, 4), a[0, :, 0], a[0, 0]), X),
    "counting": (
        lambda a, b: (
            a.scatter_add(1, (a * 9).int().clamp(0, 2).long(), b).scatter(0, (b > 0).long(), b).reshape(24)
            + torch.zeros(24).index_add(0, (b * 20).int().reshape(24).clamp(0, 9), a.reshape(24))
        ),
        X,
        X,
    ),
    "casts": (lambda a: (a * 10).to(torch.int32).to(torch.int8).float() + (a > 0).to(torch.float32), X),
    "any_all": (lambda a: (a > 0).any(1).float() + (a > -3).all(1).float() + (~(a > 0)).float().sum(1), X),
}
MODULES = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4), nn.Softmax(-1)), (1, 6)),
    "conv": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 3),
        ),
        (1, 3, 8, 8),
    ),
    "same_dilated": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, padding="same", dilation=2), nn.AvgPool2d(3, 2, 1)),
        (2, 2, 7, 6),
    ),
    "conv1d": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 5, 4, stride=2, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1)
        ),
        (1, 3, 20),
    ),
    "conv_transpose": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(4, 6, 4, 2, 1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 4, 3, (3, 2), (0, 1), (1, 0), groups=2),
            nn.ConvTranspose2d(4, 2, (2, 3), 1, (0, 2)),
        ),
        (1, 4, 3, 5),
    ),
    "conv_transpose_dilated": (lambda: nn.ConvTranspose2d(3, 2, 3, 2, 1, dilation=2), (2, 3, 4, 3)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(3, 2, 5, 3, 2, 2), (2, 3, 6)),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(2, 4, 3, 2, 1, groups=2), (1, 2, 2, 3, 2)),
    "residual": (Residual, (1, 3, 4, 4)),
    "layer_norm": (lambda: nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU(), nn.Dropout(0.5)), (2, 5, 8)),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0, norm_first=True),
        (1, 5, 8),
    ),
}


def both(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """PyTorch, the captured program, the optimised program and host C agree."""
    with torch.no_grad():
        want = module.eval()(*inputs).numpy()
    program = capture(module, inputs, name="net")
    arrays = [x.numpy() for x in inputs]
    np.testing.assert_allclose(Interpreter(program).call("forward", *arrays)[0], want, rtol=2e-5, atol=2e-6)
    passed = pipeline.run(program, pipeline.FLOAT, Target())
    np.testing.assert_allclose(Interpreter(passed).call("forward", *arrays)[0], want, rtol=1e-4, atol=1e-5)
    passed = pipeline.run(passed, pipeline.BEFORE_INT8, Target())
    np.testing.assert_allclose(Interpreter(passed).call("forward", *arrays)[0], want, rtol=1e-4, atol=1e-5)
    got = pz.compile(module, inputs, board="host", name="net").run(*inputs)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    fn, *shapes = FUNCTIONS[name]
    torch.manual_seed(0)
    both(Call(fn), tuple(torch.rand(s) * 2 - 1 for s in shapes))


@pytest.mark.parametrize(
    "name", [n if n in ("conv", "residual") else pytest.param(n, marks=pytest.mark.slow) for n in MODULES]
)
def test_modules(name: str) -> None:
    build, shape = MODULES[name]
    torch.manual_seed(0)
    both(settled(build()), (torch.rand(shape) * 2 - 1,))


def test_layout_and_folding_leave_nothing_behind() -> None:
    program = pipeline.run(capture(settled(Residual()), (torch.rand(1, 3, 4, 4),)), pipeline.FLOAT, Target())
    left = [n.op for n in program.main.nodes]
    assert left.count("transpose") <= 1  # the input arrives channels first
    assert "mul" not in left  # all three batch norms are in the convolutions


def generator() -> nn.Module:
    """The form of DCGAN's generator: dense, then transposed convolutions with batch norm."""
    up, last = nn.ConvTranspose2d(8, 6, 4, 2, 1, bias=False), nn.ConvTranspose2d(6, 1, 4, 2, 1)
    shape = (nn.Linear(5, 8 * 9), nn.Unflatten(1, (8, 3, 3)), nn.BatchNorm2d(8), nn.ReLU())
    return settled(nn.Sequential(*shape, up, nn.BatchNorm2d(6), nn.ReLU(), last, nn.Sigmoid()))


def test_transposed_convolutions_become_ordinary_ones() -> None:
    passes = [*pipeline.FLOAT, *pipeline.BEFORE_INT8]
    program = pipeline.run(capture(generator(), (torch.zeros(1, 5),)), passes, Target())
    left = [n.op for n in program.main.nodes]
    assert left.count("conv2d") == 2
    assert "conv_transpose" not in left
    convolutions = [n for n in program.main.nodes if n.op == "conv2d"]
    assert [n.attrs.act for n in convolutions] == ["relu", "none"]  # batch norm and relu went into the first
    x, w = program.in_types(program.main, convolutions[0])[:2]
    assert (x.shape, w.shape) == ((1, 3, 3, 8), (4 * 6, 2, 2, 8))  # no product with a zero between pixels


def test_a_generator_quantises_whole() -> None:
    torch.manual_seed(0)
    module, z = generator(), torch.randn(64, 5)
    fw = pz.compile(module, (z[:1],), board="nano33ble", calibrate=z[:, None].numpy())
    assert not any(fw.program.type_of(fw.program.main, r).is_float for n in fw.program.main.nodes for r in n.outputs)
    with torch.no_grad():
        want = module(z).numpy()
    with fw.session() as s:
        got = np.stack([s.call_real("forward", row[None].numpy())[0][0] for row in z])
    assert np.abs(got - want).max() < 0.08
    assert np.abs(got - want).mean() < 0.01


def test_state_is_kept() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("total", torch.zeros(3))

        def step(self, x: torch.Tensor) -> torch.Tensor:
            self.total.mul_(0.5).add_(x)
            return self.total * 2

        def peek(self, x: torch.Tensor) -> torch.Tensor:
            return self.total + x

    fw = pz.compile(Counter(), {"step": (torch.zeros(3),), "peek": (torch.zeros(3),)}, board="nano33ble")
    with fw.session() as s:
        assert s.call_real("step", np.ones(3))[0].tolist() == [2, 2, 2]
        saved = s.state()
        assert s.call_real("step", np.ones(3))[0].tolist() == [3, 3, 3]
        assert s.call_real("peek", np.zeros(3))[0].tolist() == [1.5] * 3
        s.restore(saved)
        assert s.call_real("peek", np.zeros(3))[0].tolist() == [1] * 3
        s.reset()
        assert s.call_real("peek", np.zeros(3))[0].tolist() == [0] * 3


def test_all_unsupported_at_once_with_their_places() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.linalg.svd(x)[1]
        return torch.lgamma(y) + torch.special.bessel_j0(y)

    with pytest.raises(Unsupported) as caught:
        capture(Call(forward), (torch.rand(3, 3),))
    text = str(caught.value)
    assert "svd" in text
    assert "lgamma" in text
    assert "bessel_j0" in text
    assert "test_torch.py:" in text


def test_sentences() -> None:
    linear = nn.Linear(2, 2)
    with pytest.raises(UsageError, match="example inputs"):
        pz.compile(linear, board="host")
    with pytest.raises(UsageError, match="no method 'step'"):
        capture(linear, {"step": (torch.zeros(1, 2),)})
    with pytest.raises(Unsupported, match=r"float64"):
        capture(Call(lambda x: x + 1), (torch.zeros(2, dtype=torch.float64),))
    with pytest.raises(Unsupported, match=r"torch\.export cannot capture"):
        capture(Call(lambda x: x if x.sum() > 0 else -x), (torch.zeros(2),))
    with pytest.raises(Unsupported, match="batch dimension"):
        capture(nn.ConvTranspose2d(2, 2, 3), (torch.zeros(2, 3, 3),))
    with pytest.raises(UsageError, match="no calibration data"):
        pz.compile(linear, (torch.zeros(1, 2),), board="host", precision="int8")
    with pytest.raises(UsageError, match="calls x"):
        pz.compile(linear, (torch.zeros(1, 2),), board="host", calibrate=np.zeros((5, 3)))


def test_int8_of_a_users_module() -> None:
    torch.manual_seed(0)
    module, data = settled(Residual()), torch.rand(64, 3, 4, 4) * 2 - 1
    fw = pz.compile(module, (data[:1],), board="nano33ble", calibrate=data.numpy())
    assert fw.precision == "int8"
    with torch.no_grad():
        want = module(data).numpy()
    with fw.session() as s:
        got = np.concatenate([s.call_real("forward", x[None])[0] for x in data.numpy()])
    noise = np.abs(got - want).mean() / np.abs(want).mean()
    assert noise < 0.06


def test_calibration_sees_state() -> None:
    class Keep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("h", torch.zeros(1, 2))

        def step(self, x: torch.Tensor) -> torch.Tensor:
            self.h.copy_(self.h * 0.9 + x)
            return self.h

    program = capture(Keep(), {"step": (torch.zeros(1, 2),)})
    seen = calibrate(program, [("step", [np.ones((1, 2), np.float32)])] * 20)
    assert seen["", "$h"].high == pytest.approx(sum(0.9**k for k in range(19)), rel=1e-4)


def test_every_function_is_calibrated(tmp_path: Path) -> None:
    """Functions without parameters by calling them, others with inputs of their own, which the file keeps."""
    from picozoo.train import chance

    class Draws(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(2, 4)
            self.register_buffer("dice", chance.new_state(1))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.a(z)

        def sample(self) -> torch.Tensor:
            return self.forward(chance.gaussian(self.dice, (1, 3)))

        def other(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(x)

    z = torch.zeros(1, 3)
    program = capture(Draws(), {"forward": (z,), "sample": (), "other": (torch.zeros(1, 2),)})
    rows = np.random.default_rng(0).normal(size=(40, 1, 3)).astype(np.float16)
    more = (Calibration("other", (rows[:20, :, :2],)),)
    save_program(program, tmp_path / "net.pz", Calibration("forward", (rows,), more=more))
    found = pz.load(tmp_path / "net.pz").calibration
    assert (found.function, [c.function for c in found.more], found.alone) == ("forward", ["other"], ("sample",))
    fw = pz.compile(tmp_path / "net.pz", board="host", precision="int8")
    results = {f.name: fw.program.type_of(f, f.results[0]).quant for f in fw.program.public()}
    forward, sample = (results[name].scale[0] for name in ("forward", "sample"))
    assert results["other"] is not None
    assert forward / 2 < sample < forward * 2  # both saw normal numbers
    save_program(program, tmp_path / "bad.pz", Calibration("forward", (rows,), more=(Calibration("no", (rows,)),)))
    with pytest.raises(BadFile, match="calibration data"):
        pz.load(tmp_path / "bad.pz")


def test_readers_are_unique() -> None:
    assert len(readers()) > 100
