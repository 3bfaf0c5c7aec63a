"""Weights of four or two bits in flash: packing, and the calls of `kernels/pz_dot4.h`.

In a program such weights are int8 like others, with values that fit; the attribute `weights` of conv2d and linear says
how many bits they have in flash. So the reference, and every result, is that of the int8 form. With `weight_group` a
weight is a level of so many bits times a factor that the weights of its group share; the product is int8 again, so that
this changes nothing but where the numbers come from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _matmul8 as m8
from picozoo.specs import Target

HEADER = "pz_dot4.h"
BITS = (8, 4, 2)


def levels(call: Any, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights (out, k) as their levels, and the factors of their groups (out, groups) if they have some."""
    group = groups_of(w.shape, call.attrs.weight_group)
    flat = w.reshape(w.shape[0], -1)
    if group is None:
        check(flat, call.attrs.weights)
        return flat, None
    times, q = factors(flat, group, call.attrs.weights)
    return q, times


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


def row_places(n: int) -> int:
    """Places of a window's row of n values in the paired form."""
    return len(m8.row_positions(n))


def groups_of(shape: tuple[int, ...], size: int) -> np.ndarray | None:
    """The group of each of a channel's weights (k,), or None where there is only one.

    Groups are `size` neighbouring places of a window, each of whose rows begins at a multiple of four places: where
    the paired form does not lay them so, there are no groups.

    Args:
        shape: of the weights, (out, kh, kw, c) or (out, k).
        size: 0, or a multiple of 16.

    Example:
        >>> np.bincount(groups_of((1, 2, 1, 18), 16)).tolist()
        [16, 14, 6]
    """
    rows = shape[1] if len(shape) == 4 else 1
    n = int(np.prod(shape[1:])) // rows
    wide = row_places(n)
    if not size or rows * wide <= size or (wide % 4 and rows > 1):
        return None
    return np.asarray((np.arange(rows)[:, None] * wide + np.arange(n)).reshape(-1) // size)


def factors(w: np.ndarray, group: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Split weights into the factor of each group and what is left, which has few bits.

    Args:
        w: (out, k) int8.
        group: (k,), as `groups_of` gives.

    Returns:
        (factors (out, groups) uint8, levels (out, k) int8); the smallest factors that do.

    Raises:
        Unsupported: a group whose weights are not such products.

    Example:
        >>> times, q = factors(np.array([[30, -40, 6, 3]], np.int8), np.array([0, 0, 1, 1]), 4)
        >>> times.tolist(), q.tolist()
        ([[5, 1]], [[6, -8, 6, 3]])
    """
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    times = np.zeros((w.shape[0], int(group.max()) + 1), np.uint8)
    wide = w.astype(np.int64)
    for g in range(times.shape[1]):
        part = wide[:, group == g]
        for m in range(127 // -low, 0, -1):
            fits = (part % m == 0).all(1) & (part >= low * m).all(1) & (part <= high * m).all(1)
            times[fits, g] = m
    if not times.all():
        raise Unsupported(f"groups of weights of {bits} bits are {low} to {high} times a factor; these are not")
    return times, (wide // times[:, group]).astype(np.int8)


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


def scratch(kh: int, n: int, target: Target, windows: int, group: int = 0) -> int:
    """Bytes for `windows` windows of kh rows of n values."""
    if not paired(target):
        return kh * (row_places(n) if group else n) if windows == 2 else 0
    return 2 * windows * len(m8.patch_positions(kh, n)) + (n if windows == 2 else 0)


def emit_conv(call: Any, w: np.ndarray, size: tuple[int, ...], zero: int, q: str) -> str:
    """The call of a convolution in one group; `size` is what `pz_conv2d_i8` takes from n to dw."""
    bits, rows = call.attrs.weights, w.shape[1]
    flat, times = levels(call, w)
    if paired(call.target):
        table, room = call.table("packed", pack_words(flat, rows, bits)), call.scratch("pz_u32")
        kernel = "pz_conv2d_i8_narrow_pair"
    else:
        full = flat.reshape(flat.shape[0], rows, -1)
        if times is not None:
            full = np.pad(full, ((0, 0), (0, 0), (0, row_places(full.shape[2]) - full.shape[2])))
        table, room = call.table("packed", pack_bytes(full.reshape(len(full), -1), bits)), call.scratch("pz_i8")
        kernel = "pz_conv2d_i8_narrow"
    where = (call.x(0), table, *_group_args(call, times), call.y(), room)
    return call.run(kernel, *where, *size, zero, bits, q, header=HEADER)


def emit_linear(call: Any, w: np.ndarray, rows: int, q: str) -> str:
    """The call of a fully connected layer."""
    bits, (out, k) = call.attrs.weights, w.shape
    flat, times = levels(call, w)
    if paired(call.target):
        call.small = True
        where = (call.table("packed", pack_words(flat, 1, bits)), *_group_args(call, times), call.y())
        end = (call.scratch("pz_u32"), rows, k, out, bits, q)
        return call.run("pz_linear_i8_narrow_pair", call.x(0), *where, *end, header=HEADER)
    where = (call.table("packed", pack_bytes(flat, bits)), *_group_args(call, times), call.y())
    return call.run("pz_linear_i8_narrow", call.x(0), *where, rows, k, out, bits, q, header=HEADER)


def _group_args(call: Any, times: np.ndarray | None) -> tuple[str, int]:
    """The table of factors, of two channels in turn for the paired form, and the size of a group."""
    if times is None:
        return "NULL", 0
    if paired(call.target):
        times = np.pad(times, ((0, times.shape[0] & 1), (0, 0))).reshape(-1, 2, times.shape[1]).transpose(0, 2, 1)
    return call.table("factors", np.ascontiguousarray(times).reshape(-1)), call.attrs.weight_group
