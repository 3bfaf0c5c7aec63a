"""Fourier transforms of real samples in fixed point, with the roundings of KISS FFT, which TensorFlow Lite Micro uses.

A transform of N samples is one of N / 2 complex numbers, in steps of radix 4 and, if need be, one of radix 2 first.
Before each step everything is divided by its radix, so that nothing overflows. N is a power of two here.

C twin: `kernels/pz_fft.h`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Types
from picozoo.specs import TensorType

MOST = 1 << 14  # samples


def check(name: str, x: TensorType, n: int, values: int) -> None:
    """Raise if rows of x cannot be transformed."""
    fits = x.dtype in ("i16", "i32", "f32") and x.quant is None and x.rank >= 1 and x.size
    if not fits or n < 4 or n & (n - 1) or n > MOST or x.shape[-1] > values:
        raise Unsupported(
            f"{name} of {x.dtype}{list(x.shape)}, {n} samples; a power of two from 4 to {MOST} is supported"
        )


def order(n: int) -> np.ndarray:
    """Which input each place holds before the first step."""
    at = np.arange(n)

    def parts(places: np.ndarray) -> list[np.ndarray]:
        if len(places) == 1:
            return [places]
        p = 4 if len(places) % 4 == 0 else 2
        return [v for k in range(p) for v in parts(places[k::p])]

    return np.concatenate(parts(at)).astype(np.uint16)


def rotations(phases: np.ndarray, x: TensorType) -> np.ndarray:
    """Cosine and sine of each phase, side by side."""
    both = np.stack([np.cos(phases), np.sin(phases)], 1)
    if x.is_float:
        return both.astype(np.float32)
    return np.floor(0.5 + np.iinfo(x.numpy).max * both).astype(x.numpy)


def twiddles(n: int, x: TensorType, inverse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Those of n complex numbers, and those that make their transform one of real samples."""
    sign = 1.0 if inverse else -1.0
    inner = sign * 2 * np.pi * np.arange(n) / n
    outer = sign * np.pi * ((np.arange(n // 2) + 1) / n + 0.5)
    return rotations(inner, x), rotations(outer, x)


class Fixed:
    """Arithmetic on (real, imaginary) pairs of int64 arrays that hold int16 or int32."""

    def __init__(self, x: TensorType) -> None:
        self.dtype, self.bits = x.numpy, np.iinfo(x.numpy).bits - 1

    def wrap(self, v: np.ndarray) -> np.ndarray:
        """As the type holds it."""
        return v.astype(self.dtype).astype(np.int64)

    def rounded(self, v: np.ndarray) -> np.ndarray:
        """A product of two fractions as one."""
        return self.wrap((v + (1 << (self.bits - 1))) >> self.bits)

    def divided(self, v: np.ndarray, k: int) -> np.ndarray:
        """Both parts by k."""
        return self.rounded(v * (((1 << self.bits) - 1) // k))

    def times(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Complex product; the first dimension holds the parts."""
        real, imaginary = a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]
        return np.stack([self.rounded(real), self.rounded(imaginary)])

    def transform(self, v: np.ndarray, table: np.ndarray, inverse: bool) -> np.ndarray:
        """[2, rows, n], already in `order`."""
        _, rows, n = v.shape
        m, tw = 1, table.astype(np.int64).T
        while m < n:
            p = 2 if m == 1 and n.bit_length() % 2 == 0 else 4
            stride = n // (p * m)
            f = self.divided(v.reshape(2, rows, stride, p, m), p)
            turned = [
                f[..., 0, :],
                *(self.times(f[..., j, :], tw[:, None, None, stride * j * np.arange(m)]) for j in range(1, p)),
            ]
            v = np.stack(self._step(turned, inverse), -2).reshape(2, rows, n)
            m *= p
        return v

    def _step(self, f: list[np.ndarray], inverse: bool) -> list[np.ndarray]:
        if len(f) == 2:
            return [self.wrap(f[0] + f[1]), self.wrap(f[0] - f[1])]
        odd, across = self.wrap(f[0] - f[2]), self.wrap(f[1] - f[3])
        even, sums = self.wrap(f[0] + f[2]), self.wrap(f[1] + f[3])
        turned = np.stack([across[1], -across[0]]) * (-1 if inverse else 1)
        return [self.wrap(v) for v in (even + sums, odd + turned, even - sums, odd - turned)]


def tables(call: Any, n: int, inverse: bool) -> list[str]:
    """Names of the tables of a kernel: order, rotations of both kinds."""
    inner, outer = twiddles(n, call.ins[0], inverse)
    return [call.table("order", order(n)), call.table("inner", inner), call.table("outer", outer)]


def rows_of(ins: Types) -> int:
    """Transforms in one call."""
    return ins[0].size // ins[0].shape[-1]
