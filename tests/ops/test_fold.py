"""One multiplication and one shift in place of TFLite's two roundings: every sum, not a sample of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picozoo.ops import _fold
from picozoo.ops import _matmul8 as m8


def layer(seed: int) -> tuple[np.ndarray, np.ndarray, m8.Requant]:
    """Weights, biases and factors of a layer with relu or relu6."""
    rng = np.random.default_rng(seed)
    out, k, down = int(rng.integers(1, 5)), int(rng.integers(1, 40)), int(rng.integers(1, 11))
    n = out if seed % 3 else 1
    zero = -128 if seed % 2 else int(rng.integers(-128, 100))
    hi = 127 if seed % 5 else int(rng.integers(zero + 1, 128))
    r = m8.Requant(rng.integers(1 << 30, 1 << 31, n), -down - rng.integers(0, 4, n), -3, zero, zero, hi)
    return rng.integers(-128, 128, (out, k)).astype(np.int8), rng.integers(-9999, 9999, out), r


@pytest.mark.parametrize("seed", range(12))
def test_all_sums(seed: int) -> None:
    w, folded, r = layer(seed)
    line = _fold.fold(w, folded, r)
    assert line is not None
    assert line.multiplier.min() > 0 and line.multiplier.max() < 1 << 31
    for o in range(len(w)):
        i = min(o, len(r.multiplier) - 1)
        bound = int(np.abs(w[o].astype(np.int64)).sum() * 128 + abs(folded[o]))
        sums = np.arange(-bound, bound + 1)
        scaled = _fold.SCALE * sums + line.offset[i]
        assert np.abs(scaled).max() < 1 << 31
        got = np.clip((scaled * line.multiplier[i]) >> (32 + line.shift), r.lo, r.hi)
        alone = replace(r, multiplier=r.multiplier[i : i + 1], shift=r.shift[i : i + 1])
        np.testing.assert_array_equal(got, alone.apply(sums))
    np.testing.assert_array_equal(line.bias(folded), _fold.SCALE * folded + line.offset)


def test_no_line() -> None:
    """Outputs below the zero point, one rounding, sums of too many bits, factors above one."""
    w, folded, r = layer(1)
    assert _fold.fold(w, folded, replace(r, lo=-128, y_zero=-100)) is None
    assert _fold.fold(w, folded, replace(r, once=True)) is None
    assert _fold.fold(w, folded + (1 << 23), r) is None
    assert _fold.fold(w, folded, replace(r, shift=np.zeros_like(r.shift))) is None
