"""Small networks of the kinds that people bring, as `.pt2` files: C in float32 and int8, against PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402, N812
from torch import nn  # noqa: E402

import picozoo as pz  # noqa: E402


def block(i: int, o: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class Segmenter(nn.Module):
    """A U-Net: one way up is a transposed convolution, the other one bilinear."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = block(1, 8), block(8, 12), block(12, 12)
        self.up, self.d, self.e = nn.ConvTranspose2d(12, 12, 2, 2), block(24, 8), block(16, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2, ceil_mode=True))
        y = self.d(torch.cat([self.up(self.c(F.max_pool2d(b, 2))), b], 1))
        return self.out(self.e(torch.cat([F.interpolate(y, scale_factor=2, mode="bilinear"), a], 1)))


class Norms(nn.Module):
    """Group and instance norm, leaky activations, a pixel shuffle, as generators of pictures have them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.g = nn.Conv2d(3, 16, 3, padding=1, padding_mode="reflect"), nn.GroupNorm(4, 16)
        self.b, self.i = nn.Conv2d(16, 16, 3, 2, 1), nn.InstanceNorm2d(16, affine=True)
        self.c, self.shuffle = nn.Conv2d(16, 12, 3, padding=1), nn.PixelShuffle(2)

    def forward(self, x: Any) -> Any:
        x = F.leaky_relu(self.g(self.a(x)), 0.1)
        return torch.tanh(self.shuffle(self.c(F.leaky_relu(self.i(self.b(x)), 0.1))))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "shape", "off"), [(Segmenter, (1, 16, 16), 0.08), (Norms, (3, 12, 12), 0.08)])
def test_a_file_equals_pytorch_in_c(kind: type[nn.Module], shape: tuple[int, ...], off: float, tmp_path: Path) -> None:
    """Float32 within 1e-5 of the largest value; int8 within `off` of it, as root of the mean square."""
    torch.manual_seed(0)
    module = kind().eval()
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.running_mean, -0.2, 0.2)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, *shape),)), path)
    xs = torch.randn(8, 1, *shape)
    with torch.no_grad():
        want = np.stack([module(x).numpy() for x in xs])
    for options in ({"precision": "float32"}, {"precision": "int8", "calibrate": xs.numpy()}):
        fw = pz.compile(path, board="host", **options)
        with fw.session() as s:
            got = np.stack([s.call_real("forward", x.numpy())[0][0] for x in xs]).reshape(want.shape)
        if fw.precision == "float32":
            assert np.abs(got - want).max() < 1e-5 * np.abs(want).max()
        else:
            assert fw.precision == "int8"
            assert np.sqrt(((got - want) ** 2).mean() / (want**2).mean()) < off
