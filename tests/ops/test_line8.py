"""Sums of two int8 tensors as one line: all pairs of values, over scales and zero points as quantisers choose them."""

from __future__ import annotations

import numpy as np
import pytest

from picozoo.ops import get
from picozoo.ops._fixed_point import activation_bounds
from picozoo.ops._line8 import VALUES, line
from picozoo.specs import QuantParams, TensorType

PAIRS = [np.ascontiguousarray(v) for v in np.broadcast_arrays(VALUES[:, None], VALUES[None])]


@pytest.mark.parametrize("act", ["none", "relu", "relu6"])
def test_all_pairs(act: str) -> None:
    rng = np.random.default_rng(3)
    op, found = get("add"), 0
    for _ in range(8):
        a, b = (float(np.float32(10 ** rng.uniform(-2.2, -0.7))) for _ in range(2))
        scales = (a, b, float(np.float32(max(a, b) * rng.uniform(0.6, 2))))
        types = [TensorType((256, 256), "i8", QuantParams.tensor(s, int(rng.integers(-128, 100)))) for s in scales]
        want = op.reference(PAIRS, types[:2], types[2:], op.Attrs(act))[0]
        lo, hi = activation_bounds(act, scales[2], types[2].quant.zero_point[0])  # type: ignore[union-attr]
        made = line(want, a / scales[2], b / scales[2], lo, hi)
        if made is None:
            continue
        found += 1
        both = [v.astype(np.int64) for v in PAIRS]
        if made.high:
            sums = ((both[0] << 24) * made.first >> 32) + ((both[1] << 24) * made.second >> 32) + made.plus
        else:
            sums = both[0] * made.first + both[1] * made.second + made.plus
            assert np.abs(np.stack([both[0] * made.first, both[1] * made.second])).max() < 1 << 31
        assert np.abs(sums).max() < 1 << 31 and max(made.first, made.second) < 1 << 31
        np.testing.assert_array_equal(np.clip(sums >> made.down, lo, hi), want)
    assert found >= 7


def test_no_line() -> None:
    """Halves that are rounded away from zero on both sides lie on no line."""
    half = np.trunc((PAIRS[0] + PAIRS[1]) / 2 + np.sign(PAIRS[0] + PAIRS[1]) / 2)
    assert line(half, 0.5, 0.5, -128, 127) is None
