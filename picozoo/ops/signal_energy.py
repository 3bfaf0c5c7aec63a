"""Energies of a spectrum: SignalEnergy. x: int16 pairs of real and imaginary part; y: uint32, held in int32.

Only the bins from `start` to before `end` are computed, the others are 0.
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
class SignalEnergyAttrs:
    start: int = 0
    end: int = 0


def _tflite(ctx: Any) -> str:
    attrs = SignalEnergyAttrs(ctx.setting("start_index"), ctx.setting("end_index"))
    y = str(ctx.emit("signal_energy", [ctx.ref(0)], attrs))
    n, want = ctx.type(y).size, ctx.out().size
    if not attrs.end <= want <= n:
        raise Unsupported(f"energies up to bin {attrs.end} of {n} in {want} values")
    return y if want == n else str(ctx.emit("slice", [y], ctx.attrs_of("slice")((0,), (want,), (1,)), like=ctx.type(y)))


class SignalEnergy(Op):
    name = "signal_energy"
    Attrs = SignalEnergyAttrs
    tflite = {custom("SignalEnergy"): _tflite}
    cases = tuple(
        Case((TensorType((n,), "i16"),), SignalEnergyAttrs(a, b), low=-32768, high=32767)
        for n, a, b in ((18, 0, 9), (18, 2, 7), (4, 1, 1))
    )

    def infer(self, ins: Types, attrs: SignalEnergyAttrs) -> list[TensorType]:
        x = ins[0]
        if x.dtype != "i16" or x.rank != 1 or x.size % 2 or not 0 <= attrs.start <= attrs.end <= x.size // 2:
            raise Unsupported(f"signal_energy of {x.dtype}{list(x.shape)}, bins {attrs.start} to {attrs.end}")
        return [TensorType((x.size // 2,), "i32")]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalEnergyAttrs) -> list[np.ndarray]:
        v = args[0].astype(np.int64).reshape(-1, 2)
        y = (v**2).sum(1)
        y[: attrs.start] = y[attrs.end :] = 0
        return [y.astype(np.uint32).view(np.int32)]

    def emit(self, call: Any) -> str:
        a = call.attrs
        return str(call.run("pz_signal_energy", call.x(0), call.y(), call.outs[0].size, a.start, a.end))


OP = SignalEnergy()
