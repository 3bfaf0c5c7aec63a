"""Spectrum of real samples: SignalRfft.

x [..., up to N], zeros behind; y [..., N + 2]: real and imaginary parts of N / 2 + 1 bins. float32,
or int16 and int32 in fixed point, where y is the spectrum divided by N; see `_fft`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops import _fft as fft
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import Target, TensorType


@dataclass(frozen=True)
class SignalRfftAttrs:
    """`n`: samples of a transform."""

    n: int = 4


def _tflite(ctx: Any) -> str:
    return str(ctx.emit("signal_rfft", [ctx.ref(0)], SignalRfftAttrs(ctx.setting("fft_length", 4, fft.MOST))))


class SignalRfft(Op):
    name = "signal_rfft"
    Attrs = SignalRfftAttrs
    tflite = {custom("SignalRfft"): _tflite}
    cases = tuple(
        Case((TensorType(s, d),), SignalRfftAttrs(n), low=-high, high=high)
        for s, n in (((2, 16), 16), ((5,), 8), ((4,), 4), ((32,), 32))
        for d, high in (("i16", 32767), ("i32", 1 << 30), ("f32", 2))
    )

    def infer(self, ins: Types, attrs: SignalRfftAttrs) -> list[TensorType]:
        fft.check(self.name, ins[0], attrs.n, attrs.n)
        return [TensorType((*ins[0].shape[:-1], attrs.n + 2), ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalRfftAttrs) -> list[np.ndarray]:
        x = args[0].reshape(-1, ins[0].shape[-1])
        rows, n = len(x), attrs.n // 2
        x = np.pad(x, ((0, 0), (0, attrs.n - x.shape[1])))
        if ins[0].is_float:
            made = np.fft.rfft(x.astype(np.float64))
            return [np.stack([made.real, made.imag], -1).astype(np.float32)]
        fixed, (inner, outer) = fft.Fixed(ins[0]), fft.twiddles(n, ins[0], False)
        v = x.astype(np.int64).reshape(rows, n, 2).transpose(2, 0, 1)[:, :, fft.order(n)]
        v = fixed.divided(fixed.transform(v, inner, False), 2)
        y = np.zeros((2, rows, n + 1), np.int64)
        y[0, :, 0], y[0, :, n] = v[0, :, 0] + v[1, :, 0], v[0, :, 0] - v[1, :, 0]
        k = np.arange(1, n // 2 + 1)
        a, b = v[:, :, k], v[:, :, n - k] * np.array([1, -1])[:, None, None]
        b = fixed.wrap(b)
        f1, f2 = fixed.wrap(a + b), fixed.wrap(a - b)
        t = fixed.times(f2, outer.astype(np.int64).T[:, None, k - 1])
        y[:, :, k] = (f1 + t) >> 1
        y[:, :, n - k] = np.stack([f1[0] - t[0], t[1] - f1[1]]) >> 1
        return [y.transpose(1, 2, 0).reshape(outs[0].shape).astype(ins[0].numpy)]

    def scratch(self, ins: Types, outs: Types, attrs: SignalRfftAttrs, target: Target) -> int:
        return attrs.n * ins[0].nbytes // ins[0].size

    def emit(self, call: Any) -> str:
        x, n = call.ins[0], call.attrs.n // 2
        where = (call.x(0), *fft.tables(call, n, False), call.y(), call.scratch(x.c_type))
        return str(
            call.run(f"pz_signal_rfft_{x.dtype}", *where, fft.rows_of(call.ins), x.shape[-1], n, header="pz_fft.h")
        )


OP = SignalRfft()
