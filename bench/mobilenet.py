"""Depthwise/pointwise networks at 96 x 96: instructions, code and RAM, with `prefer` balanced and ram.

    .venv/bin/python bench/mobilenet.py [BOARD]

There is no trained file of these among the models, so they are made here: MobileNetV1 (alpha 0.25, 96 x 96 x 3 to two
classes: the visual wake words of MLPerf Tiny, the person detection of TensorFlow Lite Micro) and a MobileNetV2-like
network with residuals and 5 x 5, stride-2 and dilated depthwise layers. Weights are drawn with a seed and batch norms
are set from the calibration images, so that activations look like those of a trained network. Costs do not depend on
the values of the weights.

Source: Howard et al., "MobileNets", 2017, table 1; Sandler et al., "MobileNetV2", 2018, table 1.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import nn

from picozoo.compiler import PREFER, Options, compile_network, get_board
from picozoo.evaluate import evaluate
from picozoo.network import Network, from_module
from picozoo.report.data import Report

BLOCKS_V1 = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
# outputs, expansion, window, stride, dilation
BLOCKS_V2 = [(8, 1, 3, 1, 1), (16, 4, 3, 2, 1), (16, 4, 5, 1, 1), (24, 4, 5, 2, 1), (24, 4, 3, 1, 2), (40, 4, 3, 2, 1)]


def conv(
    c: int, o: int, k: int = 1, stride: int = 1, groups: int = 1, dilation: int = 1, act: bool = True
) -> nn.Module:
    """Convolution, batch norm and ReLU6."""
    layers = [
        nn.Conv2d(c, o, k, stride, (k // 2) * dilation, dilation, groups, bias=False),
        nn.BatchNorm2d(o),
        *([nn.ReLU6()] if act else []),
    ]
    return nn.Sequential(*layers)


class MobileNetV1(nn.Module):
    """MobileNetV1: (N, 96, 96, 3) -> (N, 2)."""

    def __init__(self, alpha: float = 0.25, classes: int = 2) -> None:
        super().__init__()
        c = int(32 * alpha)
        layers = [conv(3, c, 3, 2)]
        for o, stride in BLOCKS_V1:
            o = int(o * alpha)
            layers += [conv(c, c, 3, stride, groups=c), conv(c, o)]
            c = o
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images from -1 to 1, channels last as cameras give them, to scores."""
        scores: torch.Tensor = self.head(self.features(x.permute(0, 3, 1, 2)))
        return scores


class Inverted(nn.Module):
    """Widen, depthwise, narrow; with a residual where shapes allow."""

    def __init__(self, c: int, o: int, t: int, k: int, stride: int, dilation: int) -> None:
        super().__init__()
        w = c * t
        wide = [conv(c, w)] if t > 1 else []
        self.body = nn.Sequential(*wide, conv(w, w, k, stride, w, dilation), conv(w, o, act=False))
        self.residual = stride == 1 and c == o

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, c, H, W) -> (N, o, H / stride, W / stride)."""
        y: torch.Tensor = self.body(x)
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """A small MobileNetV2: (N, 96, 96, 3) -> (N, 2)."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        c, layers = 16, [conv(3, 16, 3, 2)]
        for o, t, k, stride, dilation in BLOCKS_V2:
            layers.append(Inverted(c, o, t, k, stride, dilation))
            c = o
        self.features = nn.Sequential(*layers, conv(c, 80))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(80, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images from -1 to 1, channels last as cameras give them, to scores."""
        scores: torch.Tensor = self.head(self.features(x.permute(0, 3, 1, 2)))
        return scores


def images(n: int, seed: int = 0, size: int = 96) -> np.ndarray:
    """(n, size, size, 3) float32 from -1 to 1 with the spectrum of photographs: amplitude falls as 1 / frequency."""
    rng = np.random.default_rng(seed)
    freq = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    freq[0, 0] = 1
    grey = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, 1, size, size))) / freq, (size, size))
    colour = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, 3, size, size))) / freq, (size, size))
    x = grey + 0.3 * colour
    x = np.clip(x / (3 * x.std((1, 2, 3), keepdims=True)), -1, 1).astype(np.float32)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def network(module: nn.Module, name: str, seed: int = 0) -> Network:
    """The module with seeded weights, and batch norms as they are after seeing the calibration images."""
    torch.manual_seed(seed)
    for m in module.modules():
        if isinstance(m, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0.2, 0.5)
            m.momentum = None
    x = torch.from_numpy(images(16))
    module.train()
    with torch.no_grad():
        module(x)
    module.eval()
    return from_module(module, (x[:1],), name=name, calibrate=x[:, None].numpy())


NETWORKS = {"mobilenet_v1": MobileNetV1, "mobilenet_v2": MobileNetV2}


def row(name: str, prefer: str, r: Report) -> str:
    """One line of the table."""
    assert r.instructions is not None and r.ram_total is not None
    return (
        f"{name:14s} {prefer:9s} {r.instructions:12,.0f} {r.instructions / r.macs:8.3f} {r.flash_code:7,d} "
        f"{r.flash_const:8,d} {r.ram_arena:7,d} {r.arena_bound:7,d} {r.ram_stack or 0:6,d} {r.ram_total:7,d} "
        f"{r.agreement or 0:6.0%}"
    )


def main(board: str = "nucleo_l4r5zi") -> int:
    """The command."""
    print(f"{'network':14s} {'prefer':9s} {'instructions':>12s} {'per MAC':>8s} {'code':>7s} {'tables':>8s} ", end="")
    print(f"{'arena':>7s} {'bound':>7s} {'stack':>6s} {'RAM':>7s}  equal")
    for name, module in NETWORKS.items():
        net = network(module(), name)
        for prefer in [p for p in ("balanced", "ram") if p in PREFER]:
            report = evaluate(compile_network(net, get_board(board), Options(prefer=prefer)), samples=0)
            print(row(name, prefer, report))
            for v in report.layers if "-v" in sys.argv else ():
                print(f"    {v.name:28s} {v.op:10s} {v.macs:10,d} {v.instructions or 0:11,.0f} {v.out_shape}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*[a for a in sys.argv[1:] if a != "-v"]))
