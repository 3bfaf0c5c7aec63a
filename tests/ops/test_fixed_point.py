"""Requantisation in C, in every form it has, against the Python twin: edges and random values, to the bit."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from picozoo import build, find
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right

SOURCE = """
#include "pz_fixed.h"
void requant(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n);
void requant(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = pz_requant(x[i], m[i], s[i]);
}
void small(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n);
void small(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n) {
  for (int i = 0; i < n; ++i) y[i] = pz_requant_small(x[i], m[i], s[i]);
}
void shift(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n);
void shift(const int32_t *x, const int32_t *m, const int32_t *s, int32_t *y, int n) {
  (void)m;
  for (int i = 0; i < n; ++i) y[i] = pz_round_shift(x[i], s[i]);
}
"""


def library(*flags: str) -> ctypes.CDLL:
    board = find.load("boards", "host", "board").BOARD
    image = build.build({"f.c": SOURCE}, board, roots=["requant", "small", "shift"], extra=flags)
    return ctypes.CDLL(str(Path(image.path)))


def run(lib: ctypes.CDLL, name: str, x: np.ndarray, m: np.ndarray, s: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, m, s, y)]
    getattr(lib, name)(*pointers, ctypes.c_int(len(x)))
    return y


def values(rng: np.random.Generator, n: int, top: int) -> np.ndarray:
    """Random int32 of all magnitudes, and the edges."""
    x = (rng.uniform(-1, 1, n) * 2.0 ** rng.uniform(0, np.log2(top), n)).astype(np.int64)
    edges = [0, 1, -1, 2, -2, top - 1, -top, top // 2, -top // 2, 0xFFFF, 0x10000, -0x10000, 0x7FFF, -0x8000]
    x[: len(edges)] = edges
    return np.clip(x, -(2**31), 2**31 - 1).astype(np.int32)


@pytest.mark.parametrize("flags", [(), ("-DPZ_MUL64=0",)], ids=["64-bit products", "32-bit products"])
def test_requant(flags: tuple[str, ...]) -> None:
    rng, lib, n = np.random.default_rng(1), library(*flags), 300_000
    m = rng.integers(1 << 30, 1 << 31, n).astype(np.int32)
    m[:200] = (1 << 30, (1 << 31) - 1) * 100
    s = rng.integers(-31, 1, n).astype(np.int32)
    x = values(rng, n, 1 << 31)
    np.testing.assert_array_equal(run(lib, "requant", x, m, s), multiply_by_quantized_multiplier(x, m, s))
    np.testing.assert_array_equal(run(lib, "shift", x, m, -s), rounding_shift_right(x, -s))
    left, few = rng.integers(1, 8, n).astype(np.int32), values(rng, n, 1 << 22)
    np.testing.assert_array_equal(run(lib, "requant", few, m, left), multiply_by_quantized_multiplier(few, m, left))
    near, right = values(rng, n, 1 << 29), rng.integers(-28, 1, n).astype(np.int32)
    np.testing.assert_array_equal(run(lib, "small", near, m, right), multiply_by_quantized_multiplier(near, m, right))


def test_quantize_multiplier() -> None:
    rng = np.random.default_rng(2)
    for real in [*(2.0 ** rng.uniform(-29, 29, 2000)), 0.5, 1.0, 1 - 2.0**-53, 2.0**-31]:
        m, s = quantize_multiplier(float(real))
        assert (1 << 30) <= m < (1 << 31)
        assert m * 2.0 ** (s - 31) == pytest.approx(real, rel=2**-30)
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(2.0**-40) == (0, 0)
