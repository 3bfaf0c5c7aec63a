"""Functions and modules of PyTorch through capture and the interpreter, against PyTorch itself.

Those that take the same inputs are exported together, as one module with many outputs, which is many times faster; a
failure names the functions that differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

from picozoo.errors import Unsupported  # noqa: E402
from picozoo.frontend import _torch_decompose, torch_export  # noqa: E402
from picozoo.frontend._torch_by_way import BY_WAY  # noqa: E402
from picozoo.frontend.torch_export import capture  # noqa: E402
from picozoo.ir.interp import Interpreter  # noqa: E402

Cases = dict[str, Callable[..., Any]]


def made(name: str, *args: Any, **named: Any) -> nn.Module:
    """A module of `torch.nn` with weights that are not the initial ones."""
    torch.manual_seed(len(name))
    module = getattr(nn, name)(*args, **named).eval()
    for p in module.parameters():
        nn.init.uniform_(p, -0.5, 0.5)
    return module


def on(take: Callable[..., Any], module: nn.Module) -> Callable[..., Any]:
    return lambda x: module(*take(x))


def first(module: nn.Module) -> Callable[..., Any]:
    return lambda *x: (lambda y: y[0] if isinstance(y, tuple) else y)(module(*x))


def put(x: Any, *where: Any) -> Any:
    y = x.clone()
    y[where] = 0.5
    return y


ACTIVATIONS = (
    "ReLU ReLU6 LeakyReLU ELU CELU SELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh Softplus Softsign "
    "Tanhshrink Softshrink Hardshrink Sigmoid Tanh LogSigmoid RReLU Softmax2d "
)

IMAGES: Cases = {
    **{name: made(name) for name in ACTIVATIONS.split()},
    "Threshold": nn.Threshold(0.1, 2.0),
    "PReLU": made("PReLU", 8),
    "PReLU of one": made("PReLU"),
    "gelu tanh": nn.GELU("tanh"),
    "GLU": nn.GLU(1),
    "softplus beta": lambda x: F.softplus(x, beta=3.0),
    "softplus threshold": lambda x: F.softplus(x, beta=0.5, threshold=2.0),
    "GroupNorm": made("GroupNorm", 4, 8),
    "GroupNorm plain": nn.GroupNorm(2, 8, affine=False),
    "InstanceNorm2d": made("InstanceNorm2d", 8, affine=True),
    "InstanceNorm2d plain": nn.InstanceNorm2d(8).eval(),
    "InstanceNorm2d tracked": made("InstanceNorm2d", 8, affine=True, track_running_stats=True),
    "LayerNorm": made("LayerNorm", (8, 8)),
    "RMSNorm": made("RMSNorm", 8),
    "LocalResponseNorm": nn.LocalResponseNorm(3),
    "PixelShuffle": nn.PixelShuffle(2),
    "PixelUnshuffle": nn.PixelUnshuffle(2),
    "ChannelShuffle": nn.ChannelShuffle(2),
    "normalize": F.normalize,
    "centred": lambda x: x - x.mean((2, 3), keepdim=True),
    "grid_sample": lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1) / 2, align_corners=False),
    "grid_sample border": lambda x: F.grid_sample(
        x, x[:, :2].permute(0, 2, 3, 1), "nearest", "border", align_corners=True
    ),
    "affine_grid": lambda x: F.grid_sample(x, F.affine_grid(x[:, 0, :2, :3], x.shape, False), align_corners=False),
    "Unfold": nn.Unfold(3, padding=1),
    "Fold": lambda x: F.fold(x[:, :, :2, :2].reshape(1, 8, 4), (4, 4), 2, stride=2),
    "Fold over": lambda x: F.fold(x[:, :, :2].reshape(1, 8, 16), (5, 3), 2, padding=(0, 1)),
    "causal attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
}

RESIZED: Cases = {
    f"{mode} {size}{' corners' * bool(corners)}": lambda x, mode=mode, size=size, corners=corners: F.interpolate(
        x, **size, mode=mode, **({"align_corners": corners} if mode.startswith("bi") else {})
    )
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
    for size in ({"scale_factor": 2}, {"size": (5, 11)}, {"scale_factor": (1.3, 0.7)})
    for corners in ((False, True) if mode.startswith("bi") else (False,))
    if not (mode == "area" and "scale_factor" in size)
} | {
    "antialias": lambda x: F.interpolate(x, size=(3, 5), mode="bilinear", antialias=True),
    "antialias bicubic": lambda x: F.interpolate(x, size=(4, 3), mode="bicubic", antialias=True),
    "linear": lambda x: F.interpolate(x[0], scale_factor=2, mode="linear"),
    "nearest 1d": lambda x: F.interpolate(x[0], size=13),
    "trilinear": lambda x: F.interpolate(x[None], size=(5, 6, 7), mode="trilinear"),
    "pad reflect": lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"),
    "pad circular": lambda x: F.pad(x, (1, 2, 2, 1), mode="circular"),
    "pad less": lambda x: F.pad(x, (-1, 2, 1, -2), value=0.5),
}

WINDOWS: Cases = {
    "max ceil": nn.MaxPool2d(3, 2, ceil_mode=True),
    "max ceil padded": nn.MaxPool2d(3, 3, 1, ceil_mode=True),
    "max dilation": nn.MaxPool2d(2, 2, dilation=2),
    "max indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[1],
    "max unpool": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "max 1d ceil": lambda x: F.max_pool1d(x[0], 3, 2, ceil_mode=True),
    "max of one image": lambda x: F.max_pool2d(x[0], 2),
    "avg ceil": nn.AvgPool2d(3, 2, ceil_mode=True),
    "avg ceil padded": nn.AvgPool2d(3, 2, 1, ceil_mode=True),
    "avg ceil uncounted": nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "avg uncounted": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "avg divisor": nn.AvgPool2d(2, divisor_override=3),
    "norm": nn.LPPool2d(2, 2),
    "adaptive avg": nn.AdaptiveAvgPool2d((3, 5)),
    "adaptive avg larger": nn.AdaptiveAvgPool2d((11, 4)),
    "adaptive avg of one image": lambda x: F.adaptive_avg_pool2d(x[0], 1),
    "adaptive max": nn.AdaptiveMaxPool2d((3, 5)),
    "adaptive max whole": nn.AdaptiveMaxPool2d(4),
    "adaptive 1d": lambda x: F.adaptive_avg_pool1d(x[0], 3),
    "adaptive max 1d": lambda x: F.adaptive_max_pool1d(x[0], 3),
    "Conv1d": on(lambda x: (x[0],), made("Conv1d", 8, 6, 3, padding=1)),
    "ConvTranspose2d": made("ConvTranspose2d", 8, 6, 3, 2, 1, 1),
}

VOLUMES: Cases = {
    "Conv3d": made("Conv3d", 4, 6, 3, padding=1),
    "Conv3d same": made("Conv3d", 4, 4, (3, 1, 2), padding="same", groups=2),
    "ConvTranspose3d": made("ConvTranspose3d", 4, 6, 3, 2, 1, 1),
    "MaxPool3d": nn.MaxPool3d(2),
    "MaxPool3d ceil": nn.MaxPool3d(3, 2, 1, ceil_mode=True),
    "AvgPool3d": nn.AvgPool3d(2),
    "AdaptiveAvgPool3d": nn.AdaptiveAvgPool3d((2, 3, 4)),
    "AdaptiveAvgPool3d one": nn.AdaptiveAvgPool3d(1),
    "AdaptiveMaxPool3d": nn.AdaptiveMaxPool3d((2, 3, 4)),
}

FUNCTIONS = (
    "abs neg exp expm1 exp2 square reciprocal sign floor ceil round trunc frac sin cos tan atan sinh cosh "
    "asinh erf erfc sinc isnan nan_to_num "
)

ARITHMETIC: Cases = {
    **{name: getattr(torch, name) for name in FUNCTIONS.split()},
    "log1p": lambda x: torch.log1p(x.abs()),
    "log1p near zero": lambda x: torch.log1p(x * 1e-4) * 1e4,
    "expm1 near zero": lambda x: torch.expm1(x * 1e-4) * 1e4,
    "log2": lambda x: torch.log2(x.abs() + 1),
    "log10": lambda x: torch.log10(x.abs() + 1),
    "logit": lambda x: torch.logit(x.sigmoid()),
    "pow": lambda x: x.abs() ** x,
    "remainder": lambda x: torch.remainder(x, 0.7),
    "remainder of tensors": lambda x: torch.remainder(x, x.flip(0)),
    "remainder int": lambda x: torch.remainder((x * 10).int(), -3),
    "atan2": lambda x: torch.atan2(x, x.flip(0)),
    "atan2 axes": lambda x: torch.atan2(x.round().clamp(-1, 1) + 0.0, x.flip(0).round() + 0.0),
    "hypot": lambda x: torch.hypot(x, x + 1),
    "lerp": lambda x: torch.lerp(x, -x, 0.3),
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1),
    "floor_divide": lambda x: x // 0.3,
    "div floor": lambda x: torch.div(x, -0.3, rounding_mode="floor"),
    "div trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    "div floor int": lambda x: torch.div((x * 10).int(), 3, rounding_mode="floor"),
    "div trunc int": lambda x: torch.div((x * 10).int(), 3, rounding_mode="trunc"),
    "logical": lambda x: (x > 0) & (x < 1) | ~(x > 0.5) ^ (x > 1),
    "bits": lambda x: (((x * 10).int() & 3) | 4) ^ ~(x * 10).int(),
    "shifts": lambda x: ((x * 10).int() << 2) >> 1,
    "heaviside": lambda x: torch.heaviside(x, torch.tensor(0.5)),
    "clamp long": lambda x: (x * 10).long().clamp(-2, 3),
    "mse": lambda x: F.mse_loss(x, -x),
    "huber": lambda x: F.huber_loss(x, -x),
    "cross entropy": lambda x: F.cross_entropy(x, torch.tensor([1, 2, 0])),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
    "bool": lambda x: x.round().bool(),
    "half": lambda x: x.half().float(),
    "bfloat16": lambda x: (x * 3).bfloat16().float(),
}

REDUCTIONS: Cases = {
    "max": lambda x: x.max(1)[0],
    "max place": lambda x: x.max(1)[1],
    "max both": lambda x: torch.add(*x.max(0, keepdim=True)),
    "min": lambda x: x.min(1)[0],
    "max of all": lambda x: x.max(),
    "min of all": lambda x: x.min(),
    "argmin": lambda x: x.argmin(1),
    "argmin of all": lambda x: x.argmin(),
    "prod": lambda x: x.prod(1),
    "prod of all": lambda x: x.prod(),
    "std": lambda x: x.std(1),
    "std of all": lambda x: x.std(),
    "var": lambda x: x.var(1, unbiased=False),
    "var_mean": lambda x: torch.cat(torch.var_mean(x, 1, keepdim=True)),
    "std correction": lambda x: torch.std(x, 0, correction=2, keepdim=True),
    "norm": lambda x: x.norm(dim=1),
    "norm of all": lambda x: x.norm(),
    "norm 1": lambda x: x.norm(1, 1),
    "norm inf": lambda x: torch.linalg.vector_norm(x, float("inf"), 0),
    "logsumexp": lambda x: x.logsumexp(1),
    "cumprod": lambda x: x.cumprod(1),
    "cummax": lambda x: x.cummax(1)[0],
    "cummin int": lambda x: (x * 10).int().cummin(0)[0],
    "median": lambda x: x.median(1)[0],
    "median place": lambda x: x.median(1)[1],
    "median of all": lambda x: x.median(),
    "kthvalue": lambda x: x.kthvalue(3, 1)[0],
    "sort": lambda x: x.sort(1)[0],
    "sort descending": lambda x: x.sort(0, descending=True)[1],
    "argsort": lambda x: x.argsort(1),
    "count_nonzero": lambda x: torch.count_nonzero(x > 0, 1),
    "cdist": lambda x: torch.cdist(x, x[:2] + 1),
    "cdist 1": lambda x: torch.cdist(x, x + 1, p=1.0),
    "CosineSimilarity": lambda x: F.cosine_similarity(x, x.flip(0)),
    "PairwiseDistance": lambda x: F.pairwise_distance(x, x.flip(0)),
    "searchsorted": lambda x: torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), x),
    "bucketize right": lambda x: torch.bucketize(x.round(), torch.tensor([-1.0, 0.0, 1.0]), right=True),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "baddbmm": lambda x: torch.baddbmm(torch.ones(1, 3, 3), x[None], x.t()[None], beta=0.5),
    "tensordot": lambda x: torch.tensordot(x, x, ([1], [1])),
    "kron": lambda x: torch.kron(x, x[:, :2]),
    "cross": lambda x: torch.linalg.cross(x[:, :3], x[:, 3:6]),
    "outer": lambda x: torch.outer(x[0], x[1]),
    "Bilinear": on(lambda x: (x, x + 1), made("Bilinear", 12, 12, 4)),
    "EmbeddingBag": on(lambda x: (x.argsort(1)[:, :3],), made("EmbeddingBag", 12, 4, mode="mean")),
    "Embedding": on(lambda x: (x.argmax(1),), made("Embedding", 12, 4)),
    "diff": lambda x: x.diff(),
    "trapezoid": torch.trapz,
}

MOVED: Cases = {
    "flip": lambda x: x.flip(1, 0),
    "roll": lambda x: x.roll(2, 1),
    "roll flat": lambda x: x.roll(-3),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "tile": lambda x: x.tile(2),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "rot90": torch.rot90,
    "tril": torch.tril,
    "triu": lambda x: x.triu(1),
    "diagonal": torch.diagonal,
    "diagonal offset": lambda x: torch.diagonal(x, -1),
    "unfold": lambda x: x.unfold(1, 4, 3),
    "unbind": lambda x: x.unbind(0)[1],
    "one_hot": lambda x: F.one_hot(x.argmax(1), 12),
    "meshgrid": lambda x: torch.meshgrid(x[0], x[1], indexing="ij")[0],
    "meshgrid xy": lambda x: torch.meshgrid(x[0], x[1, :5], indexing="xy")[1],
    "index": lambda x: x[:, [1, -1, 5]],
    "index two": lambda x: x[[0, 2], [-1, 3]],
    "index apart": lambda x: x.reshape(3, 2, 6)[[0, 2], :, [1, -1]],
    "index computed": lambda x: x.t()[x.argmax(1), torch.arange(3)],
    "gather": lambda x: x.gather(1, x.argsort(1)[:, :3]),
    "take_along_dim": lambda x: torch.take_along_dim(x, x.argsort(1)[:, :3], 1),
    "scatter": lambda x: x.scatter(1, x.argsort(1)[:, :3], 1.0),
    "scatter_add": lambda x: x.scatter_add(1, torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3)),
    "scatter_reduce": lambda x: x.scatter_reduce(1, x.argsort(1), x.flip(1), "amax"),
    "index_add": lambda x: x.index_add(1, torch.tensor([0, 2]), x[:, :2], alpha=2.0),
    "index_put": lambda x: x.index_put((torch.tensor([0]), torch.tensor([2])), torch.tensor([5.0])),
    "index_put added": lambda x: x.index_put((torch.tensor([0, 0]),), x[1:], accumulate=True),
    "set column": lambda x: put(x, slice(None), 0),
    "set columns": lambda x: put(x, slice(None), [1, 3]),
    "set masked": lambda x: put(x, x > 0),
    "masked_scatter": lambda x: x.masked_scatter(x > 0, -x),
    "linspace": lambda x: x + torch.linspace(0, 1, 12),
    "hann_window": lambda x: x * torch.hann_window(12),
    "as_strided": lambda x: torch.as_strided(x, (2, 4), (12, 2), 1),
}

ROWS: Cases = {
    name: first(made(name, 12, 5)) for name in ("LSTMCell", "GRUCell", "RNNCell", "LSTM", "GRU", "RNN", "Linear")
}

SPECTRA: Cases = {
    "rfft": lambda x: torch.fft.rfft(x).abs(),
    "rfft longer": lambda x: torch.view_as_real(torch.fft.rfft(x, n=16, norm="ortho")),
    "fft": lambda x: torch.view_as_real(torch.fft.fft(x)),
    "ifft": lambda x: torch.fft.ifft(torch.fft.fft(x, norm="ortho") * torch.fft.fft(x)).real,
    "irfft": lambda x: torch.fft.irfft(torch.fft.rfft(x) * x[:, :7], n=12),
    "irfft odd": lambda x: torch.fft.irfft(torch.fft.rfft(x), n=11),
    "rfft2 angle": lambda x: torch.fft.rfft2(x + 1).angle().cos(),
    "conjugate": lambda x: torch.fft.rfft(x).conj().imag * 1.0,
    "stft": lambda x: torch.stft(x.repeat(1, 8), 32, 8, return_complex=True, window=torch.hann_window(32)).abs(),
}

GROUPS = {
    "spectra": (SPECTRA, (3, 12)),
    "images": (IMAGES, (1, 8, 8, 8)),
    "resized": (RESIZED, (1, 8, 8, 8)),
    "windows": (WINDOWS, (1, 8, 8, 8)),
    "volumes": (VOLUMES, (1, 4, 4, 6, 6)),
    "arithmetic": (ARITHMETIC, (3, 12)),
    "reductions": (REDUCTIONS, (3, 12)),
    "moved": (MOVED, (3, 12)),
    "rows": (ROWS, (3, 12)),
}


class All(nn.Module):
    """Each of them, on the same input."""

    def __init__(self, cases: Cases) -> None:
        super().__init__()
        self.cases = cases
        self.held = nn.ModuleList([m for m in cases.values() if isinstance(m, nn.Module)])

    def forward(self, x: Any) -> Any:
        return tuple(f(x) for f in self.cases.values())


seen: set[str] = set()  # overloads that PyTorch decomposed
tested: set[str] = set()


@pytest.mark.parametrize("group", GROUPS)
def test_equals_pytorch(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(ep: Any) -> Any:
        seen.update(torch_export.overload(n) for n in torch_export._unread(ep))
        return decompose(ep)

    decompose = torch_export.functional
    monkeypatch.setattr(torch_export, "functional", note)
    cases, shape = GROUPS[group]
    torch.manual_seed(0)
    x, net = torch.randn(shape), All(cases).eval()
    wants = [w.detach().numpy() for w in net(x)]
    gots = Interpreter(capture(net, (x,))).call("forward", x.numpy())
    wrong = [
        f"{name}: {list(got.shape)} {got.reshape(-1)[:4]}, PyTorch {list(w.shape)} {w.reshape(-1)[:4]}"
        for name, got, w in zip(cases, gots, wants, strict=True)
        if got.shape != w.shape or not np.allclose(got, w, rtol=1e-4, atol=2e-5, equal_nan=True)
    ]
    assert not wrong, "\n".join(wrong)
    tested.add(group)


def test_what_the_documentation_says_is_read_by_way_of_others() -> None:
    if tested != set(GROUPS):
        pytest.skip("needs the tests before it")
    assert seen == set(BY_WAY)


def test_what_is_read_is_not_decomposed() -> None:
    """A function that nothing here reads is written in others; one beside it that is read stays what it is."""
    cases: Cases = {"read": made("GELU"), "not": lambda x: F.hardshrink(x)}
    assert [n.op for n in capture(All(cases), (torch.zeros(3),)).main.nodes].count("gelu") == 1


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda x: x.cummax(1)[1], "only its first output"),
        (lambda x: x[x > 0].sum(), "a size that depends on values at test_torch_ops"),
        (lambda x: torch.lgamma(x), "lgamma"),
        (lambda x: torch.searchsorted(x, x, sorter=x.argsort(1)), "sorter"),
        (lambda x: x.t().as_strided((2, 2), (1, 1)), "does not lie in order|as_strided"),
        (lambda x: x.scatter_reduce(1, x.argsort(1), x, "mean"), "mean"),
    ],
)
def test_sentences(function: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(Unsupported, match=sentence):
        capture(All({"f": function}), (torch.randn(3, 12),))


def test_what_does_not_change_is_decomposed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size that depends on values stays what it is, however often PyTorch is asked."""
    asked: list[Any] = []
    run = _torch_decompose._run

    def counted(*args: Any) -> Any:
        asked.append(args)
        return run(*args)

    monkeypatch.setattr(_torch_decompose, "_run", counted)
    with pytest.raises(Unsupported, match="depends on values"):
        capture(All({"f": lambda x: x[x > 0].sum()}), (torch.randn(3, 12),))
    assert len(asked) <= 2
