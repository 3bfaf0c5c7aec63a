"""Where each output of a resized dimension comes from: known places and weights, whatever the mode.

Source: the definition of Resize in the ONNX operator list, version 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from picozoo.errors import Unsupported


def _source(how: str, n: int, m: int, scale: float, region: tuple[float, float]) -> np.ndarray:
    """Place in the input of each output."""
    x, exact = np.arange(m, dtype=np.float64), scale * n  # the size before it was rounded down
    if how == "half_pixel":
        return (x + 0.5) / scale - 0.5
    if how == "half_pixel_symmetric":
        adjust = m / exact
        centre = n / 2
        return centre * (1 - adjust) + (x + 0.5) / scale - 0.5
    if how == "pytorch_half_pixel":
        return (x + 0.5) / scale - 0.5 if m > 1 else np.zeros(m)
    if how == "align_corners":
        return x * (n - 1) / (exact - 1) if exact > 1 else np.zeros(m)
    if how == "asymmetric":
        found: np.ndarray = x / scale
        return found
    if how == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if how == "tf_crop_and_resize":
        start, end = region
        if m > 1:
            return start * (n - 1) + x * (end - start) * (n - 1) / (m - 1)
        return np.full(m, 0.5 * (start + end) * (n - 1))
    raise Unsupported(f"coordinate_transformation_mode {how!r}")


_NEAREST: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda v: np.ceil(v - 0.5),
    "round_prefer_ceil": lambda v: np.floor(v + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _linear(d: np.ndarray, a: float) -> np.ndarray:
    return np.asarray(np.maximum(0, 1 - np.abs(d)))


def _cubic(d: np.ndarray, a: float) -> np.ndarray:
    d = np.abs(d)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def taps(
    n: int,
    m: int,
    scale: float,
    mode: str,
    how: str,
    nearest: str,
    region: tuple[float, float],
    a: float,
    antialias: bool,
    exclude: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places [m, taps], weights [m, taps] (float32) and which outputs lie outside the input (crops only).

    Args:
        n, m: sizes of input and output.
        a: coefficient of the cubic kernel.

    Example:
        >>> taps(2, 4, 2.0, "linear", "half_pixel", "", (0, 1), 0, False, False)[1].tolist()[1]
        [0.75, 0.25]
    """
    at: np.ndarray = _source(how, n, m, scale, region)
    beyond = ((at < 0) | (at > n - 1)) if how == "tf_crop_and_resize" else np.zeros(m, bool)
    if mode == "nearest":
        if nearest not in _NEAREST:
            raise Unsupported(f"nearest_mode {nearest!r}")
        where = np.clip(_NEAREST[nearest](at), 0, n - 1).astype(np.int64)[:, None]
        return where, np.ones((m, 1), np.float32), beyond
    if mode not in ("linear", "cubic"):
        raise Unsupported(f"resize mode {mode!r}")
    kernel, reach = (_linear, 1) if mode == "linear" else (_cubic, 2)
    shrink = min(scale, 1.0) if antialias else 1.0
    half = math.ceil(reach / shrink)
    base = np.floor(at).astype(np.int64)[:, None]
    where = base + np.arange(-half + 1, half + 1)
    weight = kernel((where - at[:, None]) * shrink, a)
    if exclude or antialias:
        weight = np.where((where >= 0) & (where < n), weight, 0) if exclude else weight
        weight = weight / weight.sum(1, keepdims=True)
    where = np.clip(where, 0, n - 1)
    return where, weight.astype(np.float32), beyond
