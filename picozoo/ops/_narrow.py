"""Weights of four or two bits in flash: packing, and the calls of `kernels/pz_dot4.h`.

In a program such weights are int8 like others, with values that fit; the attribute `weights` of conv2d and linear says
how many bits they have in flash. So the reference, and every result, is that of the int8 form.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _matmul8 as m8
from picozoo.specs import Target

HEADER = "pz_dot4.h"
BITS = (8, 4, 2)


def check(w: np.ndarray, bits: int) -> None:
    """Raise if a weight does not fit.

    Raises:
        Unsupported: another number of bits, or a value outside of them.
    """
    if bits not in BITS:
        raise Unsupported(f"weights have {', '.join(map(str, BITS))} bits, got {bits}")
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if w.size and (w.min() < low or w.max() > high):
        raise Unsupported(f"weights of {bits} bits are {low} to {high}, got {w.min()} to {w.max()}")


def pack_words(w: np.ndarray, rows: int, bits: int) -> np.ndarray:
    """Weights (out, rows * n) for the paired form: the words of `m8.pack_pairs`, 8 / bits of them in one.

    Example:
        >>> [hex(v) for v in pack_words(np.array([[1, 2, 3, 4, 5, 6, 7, -8]], np.int8), 1, 4)]
        ['0x84736251', '0x0']
    """
    per = 8 // bits
    words = m8.pack_pairs(w, rows).reshape(-(-w.shape[0] // 2), -1, 2)
    words = np.pad(words, ((0, 0), (0, -words.shape[1] % per), (0, 0)))
    words = words.reshape(words.shape[0], -1, per, 2) & np.uint32(0x0F0F0F0F if bits == 4 else 0x03030303)
    shifts = (np.arange(per, dtype=np.uint32) * bits).reshape(1, 1, per, 1)
    return np.ascontiguousarray(np.bitwise_or.reduce(words << shifts, axis=2)).reshape(-1)


def pack_bytes(w: np.ndarray, bits: int) -> np.ndarray:
    """Weights (out, k) for the plain form, rows padded to a byte.

    Example:
        >>> [hex(v) for v in pack_bytes(np.array([[1, -2, 3]], np.int8), 4)]
        ['0xe1', '0x3']
    """
    per = 8 // bits
    full = np.pad(w, ((0, 0), (0, -w.shape[1] % per))).view(np.uint8).astype(np.uint32) & ((1 << bits) - 1)
    shifts = np.arange(per, dtype=np.uint32) * bits
    return np.bitwise_or.reduce(full.reshape(w.shape[0], -1, per) << shifts, axis=2).astype(np.uint8).reshape(-1)


def paired(target: Target) -> bool:
    """Is the paired form the faster one here?"""
    return "dsp" in target.features


def scratch(kh: int, n: int, target: Target, windows: int) -> int:
    """Bytes for `windows` windows of kh rows of n values."""
    if not paired(target):
        return kh * n if windows == 2 else 0
    return 2 * windows * len(m8.patch_positions(kh, n)) + (n if windows == 2 else 0)


def emit_conv(call: Any, w: np.ndarray, size: tuple[int, ...], zero: int, q: str) -> str:
    """The call of a convolution in one group; `size` is what `pz_conv2d_i8` takes from n to dw."""
    bits, flat = call.attrs.weights, w.reshape(w.shape[0], -1)
    check(w, bits)
    if paired(call.target):
        table, room = call.table("packed", pack_words(flat, w.shape[1], bits)), call.scratch("pz_u32")
        kernel = "pz_conv2d_i8_narrow_pair"
    else:
        table, room = call.table("packed", pack_bytes(flat, bits)), call.scratch("pz_i8")
        kernel = "pz_conv2d_i8_narrow"
    return call.run(kernel, call.x(0), table, call.y(), room, *size, zero, bits, q, header=HEADER)


def emit_linear(call: Any, w: np.ndarray, rows: int, q: str) -> str:
    """The call of a fully connected layer."""
    bits, (out, k) = call.attrs.weights, w.shape
    check(w, bits)
    if paired(call.target):
        call.small = True
        where = (call.table("packed", pack_words(w, 1, bits)), call.y(), call.scratch("pz_u32"))
        return call.run("pz_linear_i8_narrow_pair", call.x(0), *where, rows, k, out, bits, q, header=HEADER)
    table = call.table("packed", pack_bytes(w, bits))
    return call.run("pz_linear_i8_narrow", call.x(0), table, call.y(), rows, k, out, bits, q, header=HEADER)
