"""Mean over dimensions. In int8: exact int32 sum, requantised by scale_x / (scale_y * n) as LiteRT rounds it."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.ops._reduce import Reduce, ReduceAttrs, reduce_cases, reduce_reader
from picozoo.specs import QuantParams, TensorType

_QX, _QY = QuantParams.tensor(0.05, 4), QuantParams.tensor(0.03, -9)
_WX, _WY = QuantParams.tensor(0.0005), QuantParams.tensor(0.0003)


class Mean(Reduce):
    name = "mean"
    onnx = {"ReduceMean": onnx.reduction("mean"), "GlobalAveragePool": onnx.global_pool("mean")}
    quant_rule = "free"
    monotone = True
    dtypes = ("f32",)
    aten = {"mean.default": reduce_reader("mean"), "mean.dim": reduce_reader("mean")}
    tflite = {"MEAN": tflite.reduction("mean")}
    cases = (
        *reduce_cases(("f32",)),
        Case((TensorType((1, 5, 4, 3), "i8", _QX),), ReduceAttrs((1, 2), True), (TensorType((1, 1, 1, 3), "i8", _QY),)),
        Case(
            (TensorType((1, 5, 4, 3), "i16", _WX),), ReduceAttrs((1, 2), True), (TensorType((1, 1, 1, 3), "i16", _WY),)
        ),
    )

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return x.mean(axis, dtype=np.float32)

    def channelwise(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        return ins[0].rank - 1 not in attrs.axes and ins[0].shape[-1] == outs[0].shape[-1]

    def lowers(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        return ins[0].dtype == outs[0].dtype and ins[0].dtype in ("i8", "i16")

    def _fixed(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> tuple[int, int, int, int, int]:
        """multiplier, shift, n * zero point of the input, zero point of the output, n."""
        qx, qy, n = ins[0].quant, outs[0].quant, self.split(ins[0], attrs)[1]
        assert qx is not None and qy is not None
        m, s = quantize_multiplier(qx.scale[0] / qy.scale[0])
        # divide the factor by n without losing bits: first as far up as it goes, at most 32 bits
        up = max(0, min(n.bit_length() - 1, 32, 31 + s))
        m, s = (m << up) // n, s - up
        return m, s, n * qx.zero_point[0], qy.zero_point[0], n

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: ReduceAttrs
    ) -> tuple[np.ndarray, np.ndarray] | None:
        if outs[0].quant is None:
            return None
        _, s, _, _, n = self._fixed(ins, outs, attrs)
        wraps = 255 * n >= 1 << (31 - max(s, 0))
        return None if wraps else super().bounds(low, high, ins, outs, attrs)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ReduceAttrs) -> list[np.ndarray]:
        if outs[0].quant is None:
            return super().reference(args, ins, outs, attrs)
        m, s, nz, zero, _ = self._fixed(ins, outs, attrs)
        total = args[0].reshape(self.split(ins[0], attrs)).astype(np.int64).sum(1) - nz
        info = np.iinfo(outs[0].numpy)
        return [requantize(total, m, s, zero, int(info.min), int(info.max))]

    def emit(self, call: Any) -> str:
        if call.outs[0].quant is None:
            return super().emit(call)
        m, s, nz, zero, _ = self._fixed(call.ins, call.outs, call.attrs)
        return call.run(
            f"pz_mean_{call.ins[0].dtype}", call.x(0), call.y(), *self.split(call.ins[0], call.attrs), nz, m, s, zero
        )


OP = Mean()
