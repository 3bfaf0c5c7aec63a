"""Energies gathered into overlapping channels: SignalFilterBank. y: uint64, held in int64; sums wrap around.

Inputs: x (uint32, held in int32), weights and unweights (int16), and for each of the channels and one before them where
its frequencies and weights begin and how many they are (int16). Each frequency counts for a channel with its weight and
for the next one with its unweight; the first channel is only there for the unweights and given up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import TensorType


def _tflite(ctx: Any) -> str:
    n = ctx.setting("num_channels", 1, 1 << 12)
    tables = [ctx.array(i, "a table of a filter bank") for i in range(1, 6)]
    starts, first, widths = (t.astype(np.int64) for t in tables[2:])
    w = tables[0].size
    if any(t.dtype != np.int16 or t.ndim != 1 for t in tables) or tables[1].size != w:
        raise Unsupported("tables of a filter bank must be rows of int16, weights and unweights of one length")
    if any(t.size != n + 1 or t.min() < 0 for t in (starts, first, widths)):
        raise Unsupported(f"a filter bank of {n} channels needs {n + 1} entries of 0 or more in each table")
    if (starts + widths).max() > ctx.type(ctx.ref(0)).size or (first + widths).max() > w:
        raise Unsupported("a filter bank reaches beyond its inputs or weights")
    return str(ctx.emit("signal_filter_bank", [ctx.ref(i) for i in range(6)]))


def _cases() -> tuple[Case, ...]:
    starts, widths = np.array([0, 2, 5, 6], np.int16), np.array([2, 3, 1, 4], np.int16)
    first = np.array([0, 2, 5, 6], np.int16)
    tables = ((10,), (10,), (4,), (4,), (4,))
    ins = (TensorType((10,), "i32"), *(TensorType(s, "i16") for s in tables))
    values = ((3, starts), (4, first), (5, widths))
    return (Case(ins, constants=(1, 2, 3, 4, 5), values=values, low=-32768, high=32767),)


class SignalFilterBank(Op):
    name = "signal_filter_bank"
    flash_inputs = (1, 2, 3, 4, 5)
    tflite = {custom("SignalFilterBank"): _tflite}
    cases = _cases()

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, *tables = ins
        if (
            x.dtype != "i32"
            or x.rank != 1
            or any(t.dtype != "i16" or t.rank != 1 for t in tables)
            or not tables[4].size
        ):
            raise Unsupported(f"signal_filter_bank of {[f'{t.dtype}{list(t.shape)}' for t in ins]}")
        return [TensorType((tables[4].size - 1,), "i64")]

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        return 2 * ins[1].size

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        x = args[0].view(np.uint32).astype(np.uint64)
        weights, unweights = (args[i].astype(np.int64).view(np.uint64) for i in (1, 2))
        made, carried = [], np.uint64(0)
        for start, first, width in zip(*args[3:], strict=True):
            v = x[start : start + width]
            made.append(carried + (weights[first : first + width] * v).sum(dtype=np.uint64))
            carried = (unweights[first : first + width] * v).sum(dtype=np.uint64)
        return [np.array(made[1:], np.uint64).view(np.int64)]

    def emit(self, call: Any) -> str:
        return str(call.run("pz_signal_filter_bank", *(call.x(i) for i in range(6)), call.y(), call.outs[0].size))


OP = SignalFilterBank()
