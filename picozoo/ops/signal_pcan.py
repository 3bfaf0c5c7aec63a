"""Gain by the noise in each channel, then a soft limit (PCAN): SignalPCAN. All uint32, held in int32, but the gains.

Inputs: x, the noise estimate, and a table of gains (int16): for each power of two three coefficients of a parabola.

Source: Wang et al., 2017 (per-channel energy normalisation), in the fixed point of TensorFlow Lite Micro.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType

_FEWEST = (
    125  # entries of the table: three numbers, then four for each further power of two, of which the last is padding
)


@dataclass(frozen=True)
class SignalPcanAttrs:
    """`shift`: from x times the gain to a ratio with 12 fraction bits."""

    shift: int = 0


def _tflite(ctx: Any) -> str:
    attrs = SignalPcanAttrs(ctx.setting("snr_shift", 0, 63))
    return str(ctx.emit("signal_pcan", [ctx.ref(0), ctx.ref(1), ctx.ref(2)], attrs))


class SignalPcan(Op):
    name = "signal_pcan"
    Attrs = SignalPcanAttrs
    flash_inputs = (2,)
    tflite = {custom("SignalPCAN"): _tflite}
    cases = tuple(
        Case(
            (TensorType((30,), "i32"), TensorType((30,), "i32"), TensorType((125,), "i16")),
            SignalPcanAttrs(shift),
            constants=(2,),
            low=low,
            high=high,
        )
        for shift, low, high in ((6, 0, 3), (12, -32768, 32767), (20, 0, 32767))
    )

    def infer(self, ins: Types, attrs: SignalPcanAttrs) -> list[TensorType]:
        x, noise, gains = ins
        if x.dtype != "i32" or noise != x or gains.dtype != "i16" or gains.size < _FEWEST:
            raise Unsupported(
                f"signal_pcan of {[f'{t.dtype}{list(t.shape)}' for t in ins]}; {_FEWEST} gains are needed"
            )
        return [x]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalPcanAttrs) -> list[np.ndarray]:
        x, noise = (args[i].view(np.uint32).astype(np.int64) for i in (0, 1))
        gain = np.array([_gain(int(v), args[2].astype(np.int64)) for v in noise.reshape(-1)]).reshape(x.shape)
        # a gain below 0 counts as a uint32
        wide = (x.astype(np.uint64) * gain.astype(np.uint32).astype(np.uint64)) >> np.uint64(attrs.shift)
        ratio = wide & np.uint64(0xFFFFFFFF)
        small = ((ratio * ratio) & np.uint64(0xFFFFFFFF)) >> np.uint64(20)
        y = np.where(ratio < 8192, small, (ratio >> np.uint64(6)) - np.uint64(64))
        return [y.astype(np.uint32).view(np.int32)]

    def inplace(self, ins: Types, outs: Types, attrs: SignalPcanAttrs) -> tuple[int, ...]:
        return (0, 1)

    def emit(self, call: Any) -> str:
        where = (call.x(0), call.x(1), call.x(2), call.y(), call.outs[0].size)
        return str(call.run("pz_signal_pcan", *where, call.attrs.shift))


def _gain(x: int, table: np.ndarray) -> int:
    """The parabola of the power of two below x, as an int16."""
    if x <= 2:
        return int(table[x])
    k = x.bit_length()
    a, b, c = (int(v) for v in table[4 * k - 6 : 4 * k - 3])
    part = (x << (11 - k) if k < 11 else x >> (k - 11)) & 0x3FF
    made = (((c * part) >> 5) + (b << 5)) * part
    wrapped = (made + (1 << 31)) % (1 << 32) - (1 << 31)
    whole = (((wrapped + (1 << 14)) >> 15) + a) & 0xFFFF
    return whole - (whole >> 15 << 16)


OP = SignalPcan()
