"""Samples shifted left as far as the largest still fits in int16, and by how many bits: SignalFftAutoScale.

Differs from TensorFlow Lite Micro: -32768 counts as the largest sample that it is, so that nothing is shifted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType


def _tflite(ctx: Any) -> list[str]:
    return list(ctx.emit_all("signal_fft_auto_scale", [ctx.ref(0)], None, [ctx.out(), TensorType((), "i32")]))


class SignalFftAutoScale(Op):
    name = "signal_fft_auto_scale"
    tflite = {custom("SignalFftAutoScale"): _tflite}
    cases = tuple(
        Case((TensorType(s, "i16"),), low=-high, high=high)
        for s, high in (((9,), 5), ((2, 8), 700), ((6,), 32768), ((3,), 0))
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        if ins[0].dtype != "i16" or ins[0].quant is not None:
            raise Unsupported(f"signal_fft_auto_scale takes i16, got {ins[0].dtype}")
        return [ins[0], TensorType((), "i32")]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[Any]:
        top = int(np.abs(args[0].astype(np.int32)).max(initial=0))
        bits = max(0, 15 - top.bit_length()) if top else 0
        return [args[0].astype(np.int32) << bits, np.array(bits, np.int32)]

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        return str(call.run("pz_signal_fft_auto_scale", call.x(0), call.y(0), call.y(1), call.ins[0].size))


OP = SignalFftAutoScale()
