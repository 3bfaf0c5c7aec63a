"""x / |x| along the last dimension, in int8; output scale 1/128. Float files get primitives.

Source: gemmlowp's fixed-point numbers; LiteRT's `GetInvSqrtQuantizedMultiplierExp` (five steps of Newton's method).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._fixed_point import requantize
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType

_Y = QuantParams.tensor(1 / 128, 0)


def _times(a: int, b: int) -> int:
    p = a * b
    return (p + (1 << 30)) >> 31 if p >= 0 else -((-p + (1 << 30) - 1) >> 31)


def _left(x: int, bits: int) -> int:
    return max(-(1 << 31), min((1 << 31) - 1, x << bits))


def inverse_root(x: int) -> tuple[int, int]:
    """1 / sqrt(x) as a multiplier and a shift, x >= 0 in int32.

    Example:
        >>> m, s = inverse_root(100)
        >>> round(m * 2.0 ** (s - 31), 6)
        0.1
    """
    if x <= 1:
        return (1 << 31) - 1, 0
    shift = 11
    while x >= 1 << 29:
        x, shift = x // 4, shift + 1
    pairs = (31 - x.bit_length()) // 2 - 1
    shift, x = shift - pairs, x << 2 * pairs
    whole = x >> 1
    half, r = (whole + 1) >> 1, 1 << 28
    for _ in range(5):
        cube = _left(_times(_times(r, r), r), 6)
        r = _left(_times((1 << 28) + (1 << 27), r) - _times(half, cube), 3)
    r = _times(r, 1518500250)
    return (r << -shift, 0) if shift < 0 else (r, -shift)


@dataclass(frozen=True)
class L2NormAttrs:
    """`before`: values are multiplied by 128 before they are divided, as LiteRT does for uint8."""

    before: bool = False


class L2Norm(Op):
    name = "l2_norm"
    Attrs = L2NormAttrs
    cases = tuple(
        Case((TensorType(s, "i8", QuantParams.tensor(0.05, z)),), L2NormAttrs(not z), (TensorType(s, "i8", _Y),))
        for s, z in (((3, 7), 5), ((1, 40), -128), ((2, 3, 1), 0))
    )

    def infer(self, ins: Types, attrs: L2NormAttrs) -> list[TensorType]:
        if ins[0].quant is None or not ins[0].rank:
            raise Unsupported("l2_norm takes quantised int8 of one dimension or more")
        return [TensorType(ins[0].shape, "i8")]

    def lowers(self, ins: Types, outs: Types, attrs: L2NormAttrs) -> bool:
        return ins[0].dtype == outs[0].dtype == "i8" and outs[0].quant == _Y

    def inplace(self, ins: Types, outs: Types, attrs: L2NormAttrs) -> tuple[int, ...]:
        return (0,)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: L2NormAttrs) -> list[np.ndarray]:
        assert ins[0].quant is not None
        rows = args[0].astype(np.int64).reshape(-1, ins[0].shape[-1]) - ins[0].quant.zero_point[0]
        made = []
        for row in rows:
            m, s = inverse_root(int((row**2).sum()))
            row, s = (row * 128, s) if attrs.before else (row, s + 7)
            made.append(requantize(row, m, s, 0, -128, 127))
        return [np.array(made, np.int64).reshape(outs[0].shape)]

    def emit(self, call: Any) -> str:
        s = call.ins[0].shape
        zero = call.ins[0].quant.zero_point[0]
        return str(call.run("pz_l2_norm_i8", call.x(0), call.y(), prod(s[:-1]), s[-1], zero, int(call.attrs.before)))


OP = L2Norm()
