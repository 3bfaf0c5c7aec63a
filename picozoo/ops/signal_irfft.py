"""Real samples of a spectrum: SignalIrfft.

x [..., N + 2]: real and imaginary parts of N / 2 + 1 bins; y [..., N]. float32, or
int16 and int32 in fixed point; see `_fft`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _fft as fft
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._tflite import custom
from picozoo.specs import Target, TensorType


@dataclass(frozen=True)
class SignalIrfftAttrs:
    """`n`: samples of a transform."""

    n: int = 4


def _tflite(ctx: Any) -> str:
    return str(ctx.emit("signal_irfft", [ctx.ref(0)], SignalIrfftAttrs(ctx.setting("fft_length", 4, fft.MOST))))


class SignalIrfft(Op):
    name = "signal_irfft"
    Attrs = SignalIrfftAttrs
    tflite = {custom("SignalIrfft"): _tflite}
    cases = tuple(
        Case((TensorType((*s, n + 2), d),), SignalIrfftAttrs(n), low=-high, high=high)
        for s, n in (((2,), 16), ((), 8), ((), 4), ((), 32))
        for d, high in (("i16", 16383), ("i32", 1 << 29), ("f32", 2))
    )

    def infer(self, ins: Types, attrs: SignalIrfftAttrs) -> list[TensorType]:
        fft.check(self.name, ins[0], attrs.n, attrs.n + 2)
        if ins[0].shape[-1] != attrs.n + 2:
            raise Unsupported(f"signal_irfft of {list(ins[0].shape)}; {attrs.n} samples need {attrs.n + 2} values")
        return [TensorType((*ins[0].shape[:-1], attrs.n), ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SignalIrfftAttrs) -> list[np.ndarray]:
        n = attrs.n // 2
        x = args[0].reshape(-1, n + 1, 2)
        if ins[0].is_float:
            wide = x.astype(np.float64)
            return [np.fft.irfft(wide[..., 0] + 1j * wide[..., 1]).astype(np.float32)]
        fixed, (inner, outer) = fft.Fixed(ins[0]), fft.twiddles(n, ins[0], True)
        f = x.astype(np.int64).transpose(2, 0, 1)
        v = np.zeros((2, len(x), n), np.int64)
        v[:, :, 0] = fixed.divided(fixed.wrap(np.stack([f[0, :, 0] + f[0, :, n], f[0, :, 0] - f[0, :, n]])), 2)
        k = np.arange(1, n // 2 + 1)
        sign = np.array([1, -1])[:, None, None]
        a, b = fixed.divided(f[:, :, k], 2), fixed.divided(fixed.wrap(f[:, :, n - k] * sign), 2)
        even, odd = fixed.wrap(a + b), fixed.times(fixed.wrap(a - b), outer.astype(np.int64).T[:, None, k - 1])
        v[:, :, k] = fixed.wrap(even + odd)
        v[:, :, n - k] = fixed.wrap(fixed.wrap(even - odd) * sign)
        y = fixed.transform(v[:, :, fft.order(n)], inner, True)
        return [y.transpose(1, 2, 0).reshape(outs[0].shape).astype(ins[0].numpy)]

    def scratch(self, ins: Types, outs: Types, attrs: SignalIrfftAttrs, target: Target) -> int:
        return attrs.n * ins[0].nbytes // ins[0].size

    def emit(self, call: Any) -> str:
        x, n = call.ins[0], call.attrs.n // 2
        where = (call.x(0), *fft.tables(call, n, True), call.y(), call.scratch(x.c_type))
        return str(call.run(f"pz_signal_irfft_{x.dtype}", *where, fft.rows_of(call.ins), n, header="pz_fft.h"))


OP = SignalIrfft()
