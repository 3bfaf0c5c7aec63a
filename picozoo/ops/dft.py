"""Fourier transforms in float, of real or complex numbers, of any length: ONNX's DFT and STFT.

x [..., up to N, 1 or 2], zeros behind; y [..., N or N // 2 + 1, 2]: real and imaginary parts. Steps of radix 4 and of
the primes of N, decimation in time; an even number of real samples is half as many complex ones. Works in the output's
memory where that has room. A prime factor p costs about p operations a number: lengths of small ones are fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType

MOST = 1 << 14  # samples
_UNROLLED = 7  # largest radix with code of its own


@dataclass(frozen=True)
class DftAttrs:
    """`n`: samples of a transform; `inverse`: the other sign, divided by n; `onesided`: the first n // 2 + 1 bins."""

    n: int = 4
    inverse: bool = False
    onesided: bool = False


def radixes(n: int) -> list[int]:
    """Steps of a transform of n numbers, odd ones first: the first step turns nothing.

    Example:
        >>> radixes(200), radixes(7)
        ([5, 5, 4, 2], [7])
    """
    found: list[int] = []
    p = 3
    twos = (n & -n).bit_length() - 1
    n >>= twos
    while n > 1:
        if n % p:
            p += 2
            continue
        found.insert(0, p)
        n //= p
    return found + [4] * (twos // 2) + [2] * (twos % 2)


def order(n: int) -> np.ndarray:
    """Which input each place holds before the first step."""
    parts = [np.arange(n)]
    for p in reversed(radixes(n)):
        parts = [v for places in parts for v in (places[k::p] for k in range(p))]
    return np.concatenate(parts).astype(np.uint16)


def _rotations(phases: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(phases), np.sin(phases)], 1).astype(np.float32)


class Dft(Op):
    name = "dft"
    Attrs = DftAttrs
    cases = (
        *(Case((TensorType((2, n, 1)),), DftAttrs(n, False, True)) for n in (1, 2, 4, 10, 12, 15, 16, 28)),
        *(
            Case((TensorType((n, 1)),), DftAttrs(n, i, False))
            for n, i in ((6, False), (8, True), (9, True), (22, False))
        ),
        *(Case((TensorType((2, n, 2)),), DftAttrs(n, i)) for n, i in ((1, True), (13, False), (16, False), (30, True))),
        Case((TensorType((7, 1)),), DftAttrs(20, False, True)),
        Case((TensorType((5, 2)),), DftAttrs(14, True, True)),
    )

    def infer(self, ins: Types, attrs: DftAttrs) -> list[TensorType]:
        x = ins[0]
        good = x.is_float and x.quant is None and x.rank >= 2 and x.size and x.shape[-1] in (1, 2)
        if not good or not 1 <= attrs.n <= MOST or x.shape[-2] > attrs.n:
            raise Unsupported(f"dft of {x.dtype}{list(x.shape)}, {attrs.n} numbers; 1 to {MOST} floats are supported")
        return [TensorType((*x.shape[:-2], attrs.n // 2 + 1 if attrs.onesided else attrs.n, 2))]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: DftAttrs) -> list[np.ndarray]:
        x = args[0].astype(np.float64)
        z = x[..., 0] + (1j * x[..., 1] if x.shape[-1] == 2 else 0)
        y = (np.fft.ifft if attrs.inverse else np.fft.fft)(z, attrs.n)[..., : outs[0].shape[-2]]
        return [np.stack([y.real, y.imag], -1).astype(np.float32)]

    def scratch(self, ins: Types, outs: Types, attrs: DftAttrs, target: Target) -> int:
        return 8 * (_own(ins[0], attrs) + _more(ins[0], attrs))

    def emit(self, call: Any) -> str:
        x, attrs, bins = call.ins[0], call.attrs, call.outs[0].shape[-2]
        half, n, sign = _halved(x, attrs), _numbers(x, attrs), 1 if attrs.inverse else -1
        steps = radixes(n)
        uses = sum({1 << p if p <= _UNROLLED else 1 for p in steps})
        tables = [
            call.table("order", order(n)),
            call.table("steps", np.array([*steps, 0], np.uint16)),
            call.table("inner", _rotations(sign * 2 * np.pi * np.arange(n) / n)),
        ]
        own = _own(x, attrs)
        work = call.scratch(x.c_type) if own or _more(x, attrs) else call.y()
        more = f"{work} + {2 * own}" if _more(x, attrs) else call.y()
        rows, length = x.size // (x.shape[-2] * x.shape[-1]), x.shape[-2]
        if half:
            outer = _rotations(np.pi * (sign * np.arange(1, n // 2 + 1) / n - 0.5))
            tables.append(call.table("outer", outer if len(outer) else np.zeros((1, 2), np.float32)))
            how = (rows, length, n, bins, uses, int(attrs.inverse))
            return str(call.run("pz_dft_real_f32", call.x(0), *tables, call.y(), more, *how))
        memory = (call.y(), work if own else call.y(), more, int(own > 0))
        sizes = (rows, length, x.shape[-1], n, bins, uses, int(attrs.inverse))
        return str(call.run("pz_dft_f32", call.x(0), *tables, *memory, *sizes))


def _numbers(x: TensorType, attrs: DftAttrs) -> int:
    """Complex numbers that are transformed."""
    return attrs.n // 2 if _halved(x, attrs) else attrs.n


def _own(x: TensorType, attrs: DftAttrs) -> int:
    """Complex numbers of working memory, where the output has no room for all of them."""
    return attrs.n if attrs.onesided and attrs.n > 1 and not _halved(x, attrs) else 0


def _more(x: TensorType, attrs: DftAttrs) -> int:
    """The same, for the largest radix."""
    largest = max(radixes(_numbers(x, attrs)), default=1)
    return largest - 1 if largest > _UNROLLED else 0


def _halved(x: TensorType, attrs: DftAttrs) -> bool:
    """Are two real samples taken as one complex number?"""
    return x.shape[-1] == 1 and attrs.n % 2 == 0


OP = Dft()
