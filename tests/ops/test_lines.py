"""Requantisation by lines equals TFLite's two roundings for every sum that can be."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo.ops import _matmul8 as m8
from picozoo.ops._fold import SCALE
from picozoo.ops._lines import lines


@pytest.mark.parametrize(("zero", "low"), [(-128, -128), (5, -128), (127, -100), (-20, -20)])
def test_every_sum(zero: int, low: int) -> None:
    """Four channels with shifts of their own; sums of all sizes that nine weights and a bias give."""
    chance = np.random.default_rng(zero & 255)
    w = np.clip(chance.normal(0, 40, (4, 9)).round(), -127, 127).astype(np.int8)
    bias = chance.integers(-9000, 9000, 4)
    r = m8.Requant(chance.integers(1 << 30, (1 << 31) - 1, 4), np.array([-6, -7, -8, -9]), 0, zero, low, 127)
    found = lines(w, bias, r)
    assert found is not None
    assert found.two == (low < zero)
    bound = int((np.abs(w.astype(np.int64)).sum(1) * 128 + np.abs(bias)).min())
    sums = np.arange(-bound, bound + 1)[:, None] + np.zeros(4, np.int64)
    assert (np.abs(SCALE * sums + found.start + np.where(sums < 0, found.less, 0)) < 1 << 31).all()
    np.testing.assert_array_equal(np.clip(found.apply(sums), low, 127), r.apply(sums))


def test_none_where_there_is_no_room() -> None:
    """A layer that rounds once, one without a shift down, and one whose sums times 256 leave int32."""
    w, multiplier = np.full((1, 9), 100, np.int8), np.array([3 << 29])
    plain = m8.Requant(multiplier, np.array([-6]), 0, 0, -128, 127)
    assert lines(w, np.zeros(1, np.int64), plain) is not None
    assert lines(w, np.zeros(1, np.int64), m8.Requant(multiplier, np.array([-6]), 0, 0, -128, 127, True)) is None
    assert lines(w, np.zeros(1, np.int64), m8.Requant(multiplier, np.array([0]), 0, 0, -128, 127)) is None
    assert lines(w, np.array([1 << 24]), plain) is None
