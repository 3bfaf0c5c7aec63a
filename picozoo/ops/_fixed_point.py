"""Integer arithmetic of quantised operators, bit for bit as TFLite's reference kernels do it.

The C twin of every function here is in `kernels/pz_fixed.h`.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2018, section 2.2; gemmlowp's fixed-point rules (double rounding), which TFLite's reference kernels use.
"""

from __future__ import annotations

import math

import numpy as np

I32_MIN, I32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a real factor as `multiplier * 2^(shift - 31)`.

    Args:
        real: > 0 and finite; 0 gives (0, 0).

    Returns:
        multiplier in [2^30, 2^31), shift in [-31, 30]. Smaller factors become 0.

    Example:
        >>> quantize_multiplier(0.5)
        (1073741824, 0)
        >>> quantize_multiplier(0.75)
        (1610612736, 0)
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    # C's round(): half away from zero; the mantissa is positive
    q = math.floor(mantissa * (1 << 31) + 0.5)
    if q == 1 << 31:
        q, shift = q // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return I32_MAX, 30
    return q, shift


def multiply_by_quantized_multiplier(
    x: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int
) -> np.ndarray:
    """`x * multiplier * 2^(shift - 31)`, rounded as TFLite does: high multiply, then rounding right shift.

    Args:
        x: int32 values, any shape; x << max(shift, 0) must stay in int32 (TFLite's own condition).
        multiplier, shift: as `quantize_multiplier` gives; scalars or broadcastable arrays.

    Returns:
        int64 array that holds int32 values.

    Example:
        >>> multiply_by_quantized_multiplier(np.array([5, -5, 6]), 1 << 30, 0).tolist()
        [3, -2, 3]
    """
    x = np.asarray(x, np.int64)
    m, s = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    left, right = np.maximum(s, 0), np.maximum(-s, 0)
    # int32 wrap-around, as the shift in C on 32-bit registers
    x = (x << left).astype(np.int32).astype(np.int64)
    high = (x * m + (1 << 30)) >> 31
    return rounding_shift_right(high, right)


def multiply_once(x: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """`x * multiplier * 2^(shift - 31)`, rounded once, halves up: how LiteRT's fully connected layers do it.

    Example:
        >>> multiply_once(np.array([5, -5, 6]), 1 << 30, 0).tolist()
        [3, -2, 3]
        >>> multiply_once(np.array([-10]), 1 << 30, -1).tolist()
        [-2]
    """
    total = 31 - np.asarray(shift, np.int64)
    return (np.asarray(x, np.int64) * np.asarray(multiplier, np.int64) + (np.int64(1) << (total - 1))) >> total


def multiply_long(x: np.ndarray, factor: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """`x * factor * 2^(shift - 15)`, rounded once, halves up: LiteRT's rule for sums of more than 32 bits.

    Args:
        x: up to 48 bits.
        factor: the upper 16 bits of a multiplier, rounded.

    Example:
        >>> multiply_long(np.array([5, -5, 6]), 1 << 14, 0).tolist()
        [3, -2, 3]
    """
    total = 15 - np.asarray(shift, np.int64)
    return (np.asarray(x, np.int64) * np.asarray(factor, np.int64) + (np.int64(1) << (total - 1))) >> total


def rounding_shift_right(x: np.ndarray, bits: np.ndarray | int) -> np.ndarray:
    """`x / 2^bits`, halves away from zero.

    Example:
        >>> rounding_shift_right(np.array([5, -5, 6]), 1).tolist()
        [3, -3, 3]
    """
    x, bits = np.asarray(x, np.int64), np.asarray(bits, np.int64)
    half = np.where(bits > 0, np.int64(1) << np.maximum(bits - 1, 0), 0)
    return np.where(bits > 0, (x + half - (x < 0)) >> bits, x)


def requantize(
    acc: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int, zero: int, lo: int, hi: int
) -> np.ndarray:
    """Accumulators to output integers: multiply, add the zero point, clamp to [lo, hi]. int64 array."""
    return np.clip(multiply_by_quantized_multiplier(acc, multiplier, shift) + zero, lo, hi)


def activation_bounds(act: str, scale: float, zero: int, dtype: str = "i8") -> tuple[int, int]:
    """Clamp bounds of a fused activation in the output's integers.

    Args:
        act: "none", "relu" or "relu6".

    Example:
        >>> activation_bounds("relu6", 0.05, -128)
        (-128, -8)
    """
    lo, hi = int(np.iinfo(dtype.replace("i", "int")).min), int(np.iinfo(dtype.replace("i", "int")).max)
    if act in ("relu", "relu6"):
        lo = max(lo, zero)
    if act == "relu6":
        hi = min(hi, zero + math.floor(6.0 / scale + 0.5))
    return lo, hi


def quantize_array(x: np.ndarray, scale: np.ndarray | float, zero: np.ndarray | int, dtype: str = "i8") -> np.ndarray:
    """Nearest integer of x / scale + zero, halves away from zero, clamped. Division in float32 as in C."""
    info = np.iinfo(np.dtype({"u8": "uint8"}.get(dtype) or dtype.replace("i", "int")))
    y = np.asarray(x, np.float32) / np.asarray(scale, np.float32)
    # clamp before the conversion: a float outside the integer range has no defined integer in C; NaN becomes 0
    y = np.where(np.isnan(y), np.float32(0), np.clip(y, np.float32(-1e9), np.float32(1e9)))
    # not floor(y + 0.5): that addition itself rounds, and turns the float just below 0.5 into 1
    whole = np.trunc(y)
    r = whole + np.where(np.abs(y - whole) >= 0.5, np.sign(y), np.float32(0))
    return np.clip(r.astype(np.int64) + zero, info.min, info.max).astype(info.dtype)
