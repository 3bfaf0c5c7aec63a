"""Natural logarithms of channels, times a factor: SignalFilterBankLog. x: uint32, held in int32; y: int16.

The logarithm to base 2 from a table of 128 pieces of a line's error, then times log(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType


@dataclass(frozen=True)
class SignalFilterBankLogAttrs:
    """`scale`: of the result; `bits`: x is shifted left by so many first."""

    scale: int = 1
    bits: int = 0


def table() -> np.ndarray:
    """65536 (log2(1 + i / 128) - i / 128), i = 0 ... 128, and one entry behind."""
    at = np.arange(129) / 128
    return np.append(np.rint(65536 * (np.log2(1 + at) - at)), 0).astype(np.uint16)


def _tflite(ctx: Any) -> str:
    scale, bits = ctx.setting("output_scale", -(1 << 31), (1 << 31) - 1), ctx.setting("input_correction_bits", 0, 31)
    return str(ctx.emit("signal_filter_bank_log", [ctx.ref(0)], SignalFilterBankLogAttrs(scale, bits)))


class SignalFilterBankLog(Op):
    name = "signal_filter_bank_log"
    Attrs = SignalFilterBankLogAttrs
    tflite = {custom("SignalFilterBankLog"): _tflite}
    cases = tuple(
        Case((TensorType((40,), "i32"),), SignalFilterBankLogAttrs(scale, bits), low=low, high=high)
        for scale, bits, low, high in (
            (1600, 3, 0, 90000),
            (64, 0, -(2**31), 2**31 - 1),
            (1600, 0, 0, 4),
            (60000, 1, 0, 99999),
        )
    )

    def infer(self, ins: Types, attrs: SignalFilterBankLogAttrs) -> list[TensorType]:
        if ins[0].dtype != "i32":
            raise Unsupported(f"signal_filter_bank_log takes uint32 held in i32, got {ins[0].dtype}")
        return [TensorType(ins[0].shape, "i16")]

    def reference(
        self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalFilterBankLogAttrs
    ) -> list[np.ndarray]:
        x = (args[0].view(np.uint32).astype(np.int64) << attrs.bits) & 0xFFFFFFFF
        whole = np.maximum(np.frexp(np.maximum(x, 1).astype(np.float64))[1] - 1, 0).astype(np.int64)
        part = x - (np.int64(1) << whole)
        part = np.where(whole < 16, part << np.maximum(16 - whole, 0), part >> np.maximum(whole - 16, 0))
        part = np.maximum(part, 0)
        t, at = table().astype(np.int64), part >> 9
        fraction = part + t[at] + (((t[at + 1] - t[at]) * (part - (at << 9))) >> 16)
        natural = (45426 * ((whole << 16) + fraction) + 32768) >> 16
        made = ((((attrs.scale & 0xFFFFFFFF) * natural) & 0xFFFFFFFF) + 32768 & 0xFFFFFFFF) >> 16
        return [np.where(x > 1, np.minimum(made, 32767), 0)]

    def emit(self, call: Any) -> str:
        where = (call.x(0), call.table("log", table()), call.y(), call.outs[0].size)
        scale = f"{call.attrs.scale & 0xFFFFFFFF}u"
        return str(call.run("pz_signal_filter_bank_log", *where, scale, call.attrs.bits))


OP = SignalFilterBankLog()
