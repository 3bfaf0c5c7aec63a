"""What the int8 matrix kernels share: fixed-point parameters, weight packing, accumulator bounds.

C side: `kernels/pz_dot.h`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._fixed_point import activation_bounds, multiply_once, quantize_multiplier, requantize
from picozoo.specs import TensorType


@dataclass(frozen=True)
class Requant:
    """Per output channel (or one for all) multiplier and shift, the zero points, the clamp, and how often to round."""

    multiplier: np.ndarray
    shift: np.ndarray
    x_zero: int
    y_zero: int
    lo: int
    hi: int
    once: bool = False

    def apply(self, acc: np.ndarray) -> np.ndarray:
        """Accumulators (..., channels) to output integers."""
        if self.once:
            return np.clip(multiply_once(acc, self.multiplier, self.shift) + self.y_zero, self.lo, self.hi)
        return requantize(acc, self.multiplier, self.shift, self.y_zero, self.lo, self.hi)


def lowers(ins: Sequence[TensorType], y: TensorType) -> bool:
    """Is there an int8 form: x with one scale, symmetric weights with one scale or one per output channel?"""
    x, w = ins[0], ins[1]
    if not (x.dtype == w.dtype == y.dtype == "i8") or x.quant is None or w.quant is None or y.quant is None:
        return False
    return (
        x.quant.per_tensor
        and y.quant.per_tensor
        and w.quant.axis in (None, 0)
        and not any(w.quant.zero_point)
        and (len(ins) < 3 or ins[2].dtype in ("i32", "f32"))
    )


def requant_of(x: TensorType, w: TensorType, y: TensorType, act: str, once: bool = False) -> Requant:
    """Factor scale_x * scale_w[o] / scale_y as fixed point, computed in double as TFLite does.

    Args:
        once: one rounding, as LiteRT's fully connected layers; else two, as its convolutions.
    """
    assert x.quant is not None and w.quant is not None and y.quant is not None
    sx, sy = np.float64(np.float32(x.quant.scale[0])), np.float64(np.float32(y.quant.scale[0]))
    pairs = [quantize_multiplier(float(sx * np.float64(np.float32(sw)) / sy)) for sw in w.quant.scale]
    lo, hi = activation_bounds(act, y.quant.scale[0], y.quant.zero_point[0])
    return Requant(
        np.array([p[0] for p in pairs], np.int64),
        np.array([p[1] for p in pairs], np.int64),
        x.quant.zero_point[0],
        y.quant.zero_point[0],
        lo,
        hi,
        once,
    )


def bounds(
    low: np.ndarray, high: np.ndarray, w: np.ndarray, folded: np.ndarray, r: Requant
) -> tuple[np.ndarray, np.ndarray] | None:
    """Least and largest outputs of rows (..., k) between low and high, weights (out, k), in integers.

    None where an accumulator could leave int32, whatever the kernel then makes of it.
    """
    up, down = np.maximum(w, 0).T.astype(np.float64), np.minimum(w, 0).T.astype(np.float64)
    low, high = low.astype(np.float64), high.astype(np.float64)
    least = (low @ up + high @ down).astype(np.int64) + folded
    most = (high @ up + low @ down).astype(np.int64) + folded
    room = np.int64(1) << (31 - np.maximum(r.shift, 0))
    if (np.maximum(np.abs(least), np.abs(most)) >= room).any():
        return None
    return r.apply(least), r.apply(most)


def folded_bias(w: np.ndarray, bias: np.ndarray | None, x_zero: int) -> np.ndarray:
    """bias - x_zero * sum of the channel's weights, so that the loop multiplies raw integers. (out,) int64."""
    total = w.reshape(w.shape[0], -1).astype(np.int64).sum(1)
    return (0 if bias is None else bias.astype(np.int64)) - x_zero * total


def row_positions(n: int) -> list[int]:
    """For each int16 place of a widened row its index in the row, or -1 for a zero; see kernels/pz_dot.h.

    Example:
        >>> row_positions(6)
        [0, 2, 1, 3, 4, -1, 5, -1]
        >>> row_positions(3)
        [0, 2, 1, -1]
    """
    places = [i for g in range(0, n - n % 4, 4) for i in (g, g + 2, g + 1, g + 3)]
    rest = list(range(n - n % 4, n))
    if rest:
        places += [rest[0], rest[2] if len(rest) > 2 else -1]
    if len(rest) > 1:
        places += [rest[1], -1]
    return places


def patch_positions(rows: int, n: int) -> list[int]:
    """The same for a patch of `rows` rows of n values, padded to a multiple of eight places."""
    row = row_positions(n)
    places = [r * n + i if i >= 0 else -1 for r in range(rows) for i in row]
    return places + [-1] * (-len(places) % 8)


def pack_pairs(w: np.ndarray, rows: int, wide: bool = False) -> np.ndarray:
    """Weights (out, rows * n) int8 in the order `pz_pair_sums` and `pz_mac_1x2` read them, as uint32 words.

    Args:
        rows: rows of a patch (kernel height), 1 for a vector.
        wide: int16 values, twice the flash, no widening in the loop.

    Example:
        >>> [hex(v) for v in pack_pairs(np.array([[1, 2, 3, 4]], np.int8), 1)]
        ['0x4030201', '0x0', '0x0', '0x0']
    """
    out, k = w.shape
    places = np.array(patch_positions(rows, k // rows))
    full = np.zeros((-(-out // 2) * 2, len(places)), np.int16)
    full[:out] = np.where(places >= 0, w[:, np.maximum(places, 0)], 0)
    groups = full.reshape(full.shape[0] // 2, 2, -1, 4)  # (pair, channel, group, place)
    if not wide:
        # SXTB16 takes bytes 0 and 2, then 1 and 3: places 0, 1 must be bytes 0, 2
        groups = groups[..., [0, 2, 1, 3]].astype(np.int8)
    return np.ascontiguousarray(groups.transpose(0, 2, 1, 3)).view("<u4").reshape(-1)


def form_of(w: np.ndarray, folded: np.ndarray, r: Requant) -> str:
    """How the kernel turns accumulators into outputs; see pz_dot.h.

    PZ_TWICE and PZ_ONCE take every shift. The others need shifts in [-28, 0] (SMALL), [-28, -1] (DOWN) or [-31, -2]
    (ONCE_DOWN), and those that round twice accumulators within +-2^29.
    """
    if r.once:
        return "PZ_ONCE_DOWN" if r.shift.max() < -1 else "PZ_ONCE"
    bound = np.abs(w.reshape(w.shape[0], -1).astype(np.int64)).sum(1) * 128 + np.abs(folded)
    if bound.max(initial=0) >= 1 << 29 or r.shift.min() < -28 or r.shift.max() > 0:
        return "PZ_TWICE"
    return "PZ_TWICE_DOWN" if r.shift.max() < 0 else "PZ_TWICE_SMALL"


def requant_literal(call: Any, folded: np.ndarray, r: Requant, w: np.ndarray, line: Any = None) -> str:
    """The `pz_requant_args` literal of a layer; its tables are emitted as constants.

    Args:
        line: a `_fold.Fold` that takes the place of `r`, of kernels that scale their inputs.
    """
    multiplier, shift = (line.multiplier, np.zeros_like(r.shift)) if line else (r.multiplier, r.shift)
    per_channel = len(set(zip(multiplier.tolist(), shift.tolist(), strict=True))) > 1
    out = folded.shape[0]
    shape = (out,) if per_channel else (1,)
    multiplier, shift = (np.broadcast_to(v[: shape[0]], shape) for v in (multiplier, shift))
    return requant_args(
        call.table("bias", (line.bias(folded) if line else folded).astype(np.int32)),
        call.table("multiplier", multiplier.astype(np.int32)),
        "NULL" if line else call.table("shift", shift.astype(np.int8)),
        per_channel,
        form_of(w, folded, r),
        r,
        line,
    )


def requant_args(bias: str, multiplier: str, shift: str, per_channel: bool, form: str, r: Requant, line: Any) -> str:
    """The literal for tables of these names, or for none ("NULL")."""
    ends = ("PZ_FOLDED", r.y_zero, r.lo, r.hi, line.shift) if line else (form, r.y_zero, r.lo, r.hi, 0)
    fields = (bias, multiplier, shift, int(per_channel), *ends)
    return f"(pz_requant_args){{{', '.join(map(str, fields))}}}"
