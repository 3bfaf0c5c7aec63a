"""Noise taken out of channels: SignalFilterBankSpectralSubtraction. (x, estimate) -> (y, new estimate).

All uint32, held in int32. The estimate is a slow average of the input, one coefficient for the channels of even and one
for those of odd number; something of the signal always remains.
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
class SignalFilterBankSpectralSubtractionAttrs:
    """`bits`: fraction bits of the coefficients; `smoothing_bits`: of the estimate."""

    smoothing: int = 0
    rest: int = 0
    odd_smoothing: int = 0
    odd_rest: int = 0
    remaining: int = 0
    smoothing_bits: int = 0
    bits: int = 0
    clamping: bool = False


def _tflite(ctx: Any) -> list[str]:
    names = ("smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing")
    values = [ctx.setting(k, 0, (1 << 31) - 1) for k in (*names, "min_signal_remaining")]
    bits = ctx.setting("smoothing_bits", 0, 31), ctx.setting("spectral_subtraction_bits", 0, 31)
    clamping = bool(ctx.setting("clamping", 0, 1))
    attrs = SignalFilterBankSpectralSubtractionAttrs(*values, bits[0], bits[1], clamping)  # type: ignore[call-arg]
    x = ctx.ref(0)
    state = ctx.new_state("noise_estimate", ctx.made(ctx.type(x)), ctx.type(x))
    refs = ctx.emit_all("signal_filter_bank_spectral_subtraction", [x, state], attrs, [ctx.out(0), ctx.out(1)])
    ctx.keep(state, refs[1])
    return list(refs)


def _u64(x: np.ndarray) -> np.ndarray:
    return x.view(np.uint32).astype(np.uint64)


class SignalFilterBankSpectralSubtraction(Op):
    name = "signal_filter_bank_spectral_subtraction"
    Attrs = SignalFilterBankSpectralSubtractionAttrs
    tflite = {custom("SignalFilterBankSpectralSubtraction"): _tflite}
    cases = tuple(
        Case(
            (TensorType((9,), "i32"),) * 2,
            SignalFilterBankSpectralSubtractionAttrs(655, 15729, 1311, 15073, 819, 10, 14, clamp),
            low=low,
            high=high,
        )
        for clamp, low, high in ((False, 0, 100000), (True, 0, 3000), (False, -(2**31), 2**31 - 1))
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, old = ins
        if x.dtype != "i32" or x != old:
            raise Unsupported(
                f"signal_filter_bank_spectral_subtraction of {x.dtype}{list(x.shape)}, {old.dtype}{list(old.shape)}"
            )
        return [x, old]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        x, old, low = _u64(args[0]), _u64(args[1]), np.uint64(0xFFFFFFFF)
        odd = np.arange(x.size).reshape(x.shape) % 2 == 1
        a = np.where(odd, attrs.odd_smoothing, attrs.smoothing).astype(np.uint64)
        b = np.where(odd, attrs.odd_rest, attrs.rest).astype(np.uint64)
        scaled = (x << np.uint64(attrs.smoothing_bits)) & low
        new = ((scaled * a + old * b) >> np.uint64(attrs.bits)) & low
        used = np.minimum(new, scaled)
        floor = ((x * np.uint64(attrs.remaining)) >> np.uint64(attrs.bits)) & low
        y = np.maximum((scaled - used) >> np.uint64(attrs.smoothing_bits), floor)
        new = used if attrs.clamping else new
        return [v.astype(np.uint32).view(np.int32) for v in (y, new)]

    def inplace_pairs(self, ins: Types, outs: Types, attrs: Any) -> list[tuple[int, int]]:
        return [(0, 0), (1, 1)]

    def emit(self, call: Any) -> str:
        a = call.attrs
        how = [f"{v}u" for v in (a.smoothing, a.rest, a.odd_smoothing, a.odd_rest, a.remaining)]
        where = (call.x(0), call.x(1), call.y(0), call.y(1), call.outs[0].size)
        kernel = "pz_signal_filter_bank_spectral_subtraction"
        return str(call.run(kernel, *where, *how, a.smoothing_bits, a.bits, int(a.clamping)))


OP = SignalFilterBankSpectralSubtraction()
