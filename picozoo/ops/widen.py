"""Quantised values as int32 with bits below the point: (x - zero point) * 2^left, times the scale; for comparisons.

LiteRT compares quantised tensors this way, so that two that differ by less than it resolves count as equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Elementwise
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType


@dataclass(frozen=True)
class WidenAttrs:
    left: int = 8


class Widen(Elementwise):
    name = "widen"
    Attrs = WidenAttrs
    cases = (
        Case((TensorType((3, 7), "i8", QuantParams.tensor(0.02, 5)),), WidenAttrs(), (TensorType((3, 7), "i32"),)),
        Case((TensorType((9,), "i8", QuantParams.tensor(1.7, -5)),), WidenAttrs(), (TensorType((9,), "i32"),)),
    )

    def infer(self, ins: Types, attrs: WidenAttrs) -> list[TensorType]:
        return [TensorType(ins[0].shape, "i32")]

    def check(self, ins: Types, outs: Types, attrs: WidenAttrs) -> None:
        q = ins[0].quant
        if ins[0].dtype != "i8" or q is None or not q.per_tensor or q.scale[0] >= 1 << 10:
            raise Unsupported("widen takes int8 with one scale below 1024")

    def lowers(self, ins: Types, outs: Types, attrs: WidenAttrs) -> bool:
        return True

    def _fixed(self, ins: Types, attrs: WidenAttrs) -> tuple[int, int, int, int]:
        q = ins[0].quant
        assert q is not None
        return q.zero_point[0], attrs.left, *quantize_multiplier(q.scale[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: WidenAttrs) -> list[np.ndarray]:
        zero, left, m, s = self._fixed(ins, attrs)
        return [multiply_by_quantized_multiplier((args[0].astype(np.int64) - zero) << left, m, s)]

    def emit(self, call: Any) -> str:
        args = self._fixed(call.ins, call.attrs)
        return str(call.run("pz_widen_i8", call.x(0), call.y(), call.outs[0].size, *args))


OP = Widen()
