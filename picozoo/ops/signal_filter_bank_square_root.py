"""Square roots of the channels of a filter bank, shifted right: SignalFilterBankSquareRoot.

x: uint64, held in int64; bits: how far (int32); y: uint32, held in int32. Roots are rounded to nearest; those of
numbers below 2^32 stay in 16 bits.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType


def _tflite(ctx: Any) -> str:
    bits = ctx.reshape(ctx.ref(1), ())
    return str(ctx.emit("signal_filter_bank_square_root", [ctx.ref(0), bits]))


def root(n: int) -> int:
    """The root of a number of up to 64 bits.

    Example:
        >>> [root(n) for n in (2, 3, 6, 2**32 - 1, 2**64 - 1)]
        [1, 2, 2, 65535, 4294967295]
    """
    r = isqrt(n)
    most = 0xFFFF if n < 1 << 32 else 0xFFFFFFFF
    return r + (n - r * r > r and r != most)


_VALUES = np.array([0, 1, 2, 3, 6, 7, 0xFFFE0001, 0xFFFFFFFF, 1 << 32, 0xFFFFFFFFFFFFFFFF, 1 << 63], np.uint64).view(
    np.int64
)


class SignalFilterBankSquareRoot(Op):
    name = "signal_filter_bank_square_root"
    tflite = {custom("SignalFilterBankSquareRoot"): _tflite}
    cases = (
        Case((TensorType((11,), "i64"), TensorType((), "i32")), values=((0, _VALUES), (1, np.array(0, np.int32)))),
        Case(
            (TensorType((20,), "i64"), TensorType((), "i32")), low=0, high=1 << 50, values=((1, np.array(3, np.int32)),)
        ),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, bits = ins
        if x.dtype != "i64" or bits.dtype != "i32" or bits.shape != ():
            raise Unsupported(f"signal_filter_bank_square_root of {x.dtype}, {bits.dtype}{list(bits.shape)}")
        return [TensorType(x.shape, "i32")]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        roots = [root(int(n)) >> (int(args[1]) & 31) for n in args[0].view(np.uint64).reshape(-1)]
        return [np.array(roots, np.uint32).view(np.int32).reshape(outs[0].shape)]

    def emit(self, call: Any) -> str:
        where = (call.x(0), call.x(1), call.y(), call.outs[0].size)
        return str(call.run("pz_signal_filter_bank_square_root", *where))


OP = SignalFilterBankSquareRoot()
