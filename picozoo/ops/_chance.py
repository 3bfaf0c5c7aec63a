"""Random numbers by counting: Threefry-2x32 with 13 rounds, and the four draws made of its words. See docs/chance.md.

A state is int32 (4,), read as unsigned: key low, key high, counter low, counter high. Block j of a call is the cipher
of (counter + j); it gives two words, first element 0 and 1, then 2 and 3. A call that needs n words moves the counter
by n / 2, rounded up. Nothing else is remembered, so a saved state continues exactly. C twin: `kernels/pz_chance.h`.

Source: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011. Adds, rotations and exclusive ors
only, which every core has in 32 bits; 13 rounds are the fewest that pass BigCrush there.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Op, Types
from picozoo.specs import TensorType

STATE = TensorType((4,), "i32")
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 13
PARITY = 0x1BD11BDA
ONE = 1 << 24  # probabilities are compared as multiples of 2^-24
OCTAVES, SEGMENTS = 31, 16  # of the table of the normal distribution


def threefry(key: tuple[int, int], low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encrypt counters (uint32, any shape) with a key of two 32-bit words; two words each.

    Example:
        >>> zero = np.zeros(1, np.uint32)
        >>> [hex(w.item()) for w in threefry((0, 0), zero, zero)]  # Random123's known answer
        ['0x9d1c5ec6', '0x8bd50731']
    """
    words = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(PARITY ^ key[0] ^ key[1])]
    with np.errstate(over="ignore"):
        x, y = low + words[0], high + words[1]
        for r in range(ROUNDS):
            turn = ROTATIONS[r % 8]
            x = x + y
            y = (y << np.uint32(turn)) | (y >> np.uint32(32 - turn))
            y = y ^ x
            if r % 4 == 3:
                s = (r + 1) // 4
                x = x + words[s % 3]
                y = y + words[(s + 1) % 3] + np.uint32(s)
    return x, y


def new_state(seed: int) -> np.ndarray:
    """The state that a seed (any whole number; taken modulo 2^64) stands for, int32 (4,): the seed as key, counter 0.

    Example:
        >>> new_state(7).tolist()
        [7, 0, 0, 0]
    """
    words = np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, 0, 0], np.uint32)
    return words.view(np.int32)


def words(state: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The next n random words, uint32 (n,), and the state after them, int32 (4,)."""
    k0, k1, low, high = (int(v) for v in np.ascontiguousarray(state, np.int32).view(np.uint32))
    start, blocks = low | high << 32, (n + 1) // 2
    if low + blocks <= 1 << 32:  # the usual case, without 64-bit arithmetic
        x, y = threefry((k0, k1), np.arange(blocks, dtype=np.uint32) + np.uint32(low), np.full(1, high, np.uint32))
    else:
        at = np.uint64(start) + np.arange(blocks, dtype=np.uint64)
        x, y = threefry((k0, k1), at.astype(np.uint32), (at >> np.uint64(32)).astype(np.uint32))
    after = (start + blocks) & 0xFFFFFFFFFFFFFFFF
    state = np.array([k0, k1, after & 0xFFFFFFFF, after >> 32], np.uint32).view(np.int32)
    return np.stack([x, y], axis=-1).reshape(-1)[:n], state


def threshold(p: np.ndarray) -> np.ndarray:
    """Probabilities float32 -> uint32: p times 2^24, rounded down; below 0 and not-a-number 0, above 1 2^24. Exact."""
    with np.errstate(invalid="ignore"):
        p = np.where(p > 0, np.minimum(p, np.float32(1)), np.float32(0))
    return (p.astype(np.float32) * np.float32(ONE)).astype(np.uint32)


def draw_bernoulli(state: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 with probability p, else 0: float32 of p's shape, and the state after it."""
    w, state = words(state, p.size)
    return ((w >> np.uint32(8)) < threshold(p.reshape(-1))).astype(np.float32).reshape(p.shape), state


def draw_uniform(state: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Multiples of 2^-24 from 0 up to, not including, 1: float32 of a shape, and the state after it."""
    w, state = words(state, int(np.prod(shape, dtype=np.int64)))
    return ((w >> np.uint32(8)).astype(np.float32) * np.float32(1 / ONE)).reshape(shape), state


@cache
def normal_table() -> np.ndarray:
    """Distances from the mean, in 1/8192, whose upper tail is (u + 1/2) / 2^32: uint16 (31 * 16 + 1,).

    u runs through 31 octaves from 1 to 2^31, sixteen steps in each. Nodes are moved so that straight lines between them
    err as much upwards as downwards.
    """
    z = NormalDist().inv_cdf
    at = [2.0**k * (1 + s / SEGMENTS) for k in range(OCTAVES) for s in range(SEGMENTS)] + [2.0**OCTAVES]
    true = np.array([-z((u + 0.5) / 2.0**32) for u in at[:-1]] + [0.0])
    middle = np.array([-z(((a + b) / 2 + 0.5) / 2.0**32) for a, b in pairwise(at)])
    sag = (true[:-1] + true[1:]) / 2 - middle  # how far a chord lies off in its middle
    shift = (np.append(sag, 0) + np.insert(sag, 0, 0)) / 4
    shift[-1] = 0
    return np.maximum(np.round((true - shift) * 8192), 0).astype(np.uint16)


def draw_gaussian(state: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Normal numbers, mean 0 and variance 1, in multiples of 2^-21: float32 of a shape, and the state after it.

    Bit 31 of a word is the sign; the other bits u are the tail: straight lines between the nodes of `normal_table`.
    """
    w, state = words(state, int(np.prod(shape, dtype=np.int64)))
    u = np.maximum(w & np.uint32(0x7FFFFFFF), np.uint32(1)).astype(np.int64)
    octave = np.floor(np.log2(u)).astype(np.int64)  # exact for u < 2^31: both are float64
    m = u << (30 - octave)
    i = octave * SEGMENTS + (m >> 26 & 15)
    t = normal_table().astype(np.int64)
    size = ((t[i] << 12) - (t[i] - t[i + 1]) * (m >> 14 & 0xFFF)) >> 4
    far = size.astype(np.float32) * np.float32(2.0**-21)
    return np.where(w >> np.uint32(31), -far, far).reshape(shape), state


def draw_categorical(state: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An index of the last axis with a chance in proportion to its weight: int32, and the state after it.

    Args:
        state: int32 (4,).
        weights: (..., k). int32: counts, each row's sum at most 2^31 - 1; exact to 2^-32 of the sum. float32: need not
            add up to one; sums go from left to right in float32. Negative ones and not-a-number count as zero. A row
            without a positive weight gives 0.
    """
    rows = weights.reshape(-1, weights.shape[-1])
    w, state = words(state, len(rows))
    with np.errstate(invalid="ignore"):
        rows = np.where(rows > 0, rows, np.zeros((), rows.dtype))
    if rows.dtype.kind == "f":
        reach = np.cumsum(rows, axis=1, dtype=np.float32)
        mark = (w >> np.uint32(8)).astype(np.float32) * np.float32(1 / ONE) * reach[:, -1]
    else:
        reach = np.cumsum(rows, axis=1, dtype=np.int64)
        mark = (w.astype(np.uint64) * reach[:, -1].astype(np.uint64) >> np.uint64(32)).astype(np.int64)
    over = reach > mark[:, None]
    last = rows.shape[1] - 1 - (rows > 0)[:, ::-1].argmax(1)
    last[~(rows > 0).any(1)] = 0
    picked = np.where(over.any(1), over.argmax(1), last)
    return picked.astype(np.int32).reshape(weights.shape[:-1]), state


class Draw(Op):
    """Two outputs: what was drawn, and the state after it, which may take the place of the state before it."""

    state_input: ClassVar[int] = 0

    def inplace_pairs(self, ins: Types, outs: Types, attrs: Any) -> list[tuple[int, int]]:
        return [(1, 0)]

    def need_state(self, t: TensorType) -> None:
        """Refuse anything that is no state.

        Raises:
            Unsupported: another shape or type.
        """
        if t.shape != STATE.shape or t.dtype != STATE.dtype:
            raise Unsupported(
                f"{self.name}: the state must be i32[4] (picozoo.train.chance.new_state), got {t.dtype}{list(t.shape)}"
            )
