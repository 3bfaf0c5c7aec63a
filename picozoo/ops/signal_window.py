"""Samples times a window, shifted right and limited to int16: TensorFlow Lite Micro's SignalWindow.

x [..., N], window [N].
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
class SignalWindowAttrs:
    shift: int = 0


def _tflite(ctx: Any) -> str:
    return str(ctx.emit("signal_window", [ctx.ref(0), ctx.ref(1)], SignalWindowAttrs(ctx.setting("shift", 0, 31))))


class SignalWindow(Op):
    name = "signal_window"
    Attrs = SignalWindowAttrs
    flash_inputs = (1,)
    tflite = {custom("SignalWindow"): _tflite}
    cases = tuple(
        Case(
            (TensorType(s, "i16"), TensorType(s[-1:], "i16")),
            SignalWindowAttrs(k),
            constants=(1,),
            low=-32768,
            high=32767,
        )
        for s, k in (((3, 7), 12), ((16,), 15), ((2, 5), 16))
    )

    def infer(self, ins: Types, attrs: SignalWindowAttrs) -> list[TensorType]:
        x, w = ins
        if x.dtype != "i16" or w.dtype != "i16" or not x.size or w.shape != x.shape[-1:]:
            raise Unsupported(f"signal_window of {x.dtype}{list(x.shape)} with {w.dtype}{list(w.shape)}")
        return [x]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalWindowAttrs) -> list[np.ndarray]:
        return [np.clip((args[0].astype(np.int64) * args[1]) >> attrs.shift, -32768, 32767)]

    def inplace(self, ins: Types, outs: Types, attrs: SignalWindowAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        n = call.ins[1].size
        return str(
            call.run("pz_signal_window", call.x(0), call.x(1), call.y(), call.ins[0].size // n, n, call.attrs.shift)
        )


OP = SignalWindow()
