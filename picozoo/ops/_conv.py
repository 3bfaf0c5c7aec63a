"""What convolutions and poolings over images share: attributes, sizes, and the windows of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.specs import added


@dataclass(frozen=True)
class Conv2dAttrs:
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    act: str = "none"
    weights: int = added(8)  # bits of a weight in flash, of the integer form
    weight_group: int = added(0)  # places that share a factor of narrow weights, see ops/_narrow.py; 0: none


def pair(v: Any) -> tuple[int, int]:
    """PyTorch gives one or two numbers for height and width."""
    v = [v] if isinstance(v, int) else list(v)
    return (int(v[0]), int(v[-1]))


def window_out(size: int, k: int, stride: int, before: int, after: int, dilation: int = 1) -> int:
    """Output size of a sliding window in one dimension.

    Example:
        >>> window_out(28, 5, 1, 2, 2)
        28
    """
    n = (size + before + after - (k - 1) * dilation - 1) // stride + 1
    if n < 1 or stride < 1:
        raise Unsupported(
            f"a window of {k} with dilation {dilation} and stride {stride} does not fit in "
            f"{size} + {before + after} of padding"
        )
    return n


def patches(x: np.ndarray, kh: int, kw: int, a: Conv2dAttrs, fill: float) -> np.ndarray:
    """(N, OH, OW, KH, KW, C): every window of x, padded with `fill`."""
    t, b, left, right = a.pad
    x = np.pad(x, ((0, 0), (t, b), (left, right), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(
        x, ((kh - 1) * a.dilation[0] + 1, (kw - 1) * a.dilation[1] + 1), (1, 2)
    )
    view = view[:, :: a.stride[0], :: a.stride[1], :, :: a.dilation[0], :: a.dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)
