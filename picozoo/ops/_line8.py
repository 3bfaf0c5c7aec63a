"""Sums of two int8 tensors as one line over both, where it is proven to give the bits of LiteRT's five roundings.

`(a * first + b * second + plus) >> down`: all 65,536 pairs are tried, so that nothing is assumed about how the
reference rounds. Where a sum of 32 bits leaves the factors too short, they stand in the upper words of products of 64
bits. C side: `pz_add_i8_line` in `kernels/pz_arith8.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VALUES = np.arange(-128, 128, dtype=np.int64)


@dataclass(frozen=True)
class Line8:
    """Factors of the operands, what is added, and the shift behind it; `high`: products are those of the operand in the
    upper byte of a word, cut to their upper words."""

    first: int
    second: int
    plus: int
    down: int
    high: bool = False

    def sums(self) -> np.ndarray:
        """(256, 256) int64: what is shifted, for each a (rows) and b from -128 to 127."""
        return self._product(self.first)[:, None] + self._product(self.second)[None] + self.plus

    def _product(self, factor: int) -> np.ndarray:
        return (VALUES << 24) * factor >> 32 if self.high else VALUES * factor

    def literal(self, lo: int, hi: int) -> str:
        """The `pz_line8_args` of C."""
        return f"(pz_line8_args){{{self.first}, {self.second}, {self.plus}, {self.down}, {lo}, {hi}}}"


def line(wanted: np.ndarray, first: float, second: float, lo: int, hi: int) -> Line8 | None:
    """The line for a table of results, the cheaper kind first, or None where none of those tried gives all of it.

    Args:
        wanted: (256, 256) results for each a and b from -128 to 127.
        first, second: > 0, what one unit of a and of b is in units of the result.
        lo, hi: the clamp behind the line.

    Example:
        >>> want = np.clip(np.rint(0.3 * VALUES[:, None] + 0.61 * VALUES[None] + 0.1003), -128, 127)
        >>> found = line(want, 0.3, 0.61, -128, 127)
        >>> bool((np.clip(found.sums() >> found.down, -128, 127) == want).all())
        True
    """
    low = int(np.floor(np.log2(((1 << 31) - 1) / (128 * (first + second)))))
    high = int(np.floor(np.log2(((1 << 31) - 1) / max(first, second)))) - 8
    tries = [(down, False) for down in range(min(low, 30), max(low - 5, 0), -1)]
    tries += [(down, True) for down in range(min(high, 30), max(high - 4, 0), -1)]
    for down, upper in tries:
        a, b = (round(v * 2.0 ** (down + 8 * upper)) for v in (first, second))
        bare = Line8(a, b, 0, down, upper)
        plus = _plus(bare.sums().reshape(-1), wanted.reshape(-1).astype(np.int64), down, lo, hi)
        if plus is None:
            continue
        made = Line8(a, b, plus, down, upper)
        sums = made.sums()
        if np.abs(sums).max() < 1 << 31 and np.array_equal(np.clip(sums >> down, lo, hi), wanted):
            return made
    return None


def _plus(sums: np.ndarray, wanted: np.ndarray, down: int, lo: int, hi: int) -> int | None:
    """The middle of what may be added so that every sum that wants k or more comes to it, and no other."""
    order = np.argsort(wanted, kind="stable")
    sums, wanted = sums[order], wanted[order]
    ranks = np.arange(lo + 1, hi + 1)
    at = np.searchsorted(wanted, ranks)
    most_below = np.maximum.accumulate(np.append(-(1 << 40), sums))[at]
    least_above = np.minimum.accumulate(np.append(1 << 40, sums[::-1]))[len(sums) - at]
    low, high = ((ranks << down) - least_above).max(), ((ranks << down) - most_below - 1).min()
    return int((low + high) // 2) if low <= high else None
