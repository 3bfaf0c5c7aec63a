"""Integers of one scale and zero point to integers of another: one fixed-point factor, as LiteRT's QUANTIZE."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Elementwise
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.ops.quantize import QuantizeAttrs
from picozoo.specs import QuantParams, TensorType

_TYPES = ("i8", "u8", "i16", "i32")


def _case(x: str, y: str, sx: float, sy: float, zx: int, zy: int) -> Case:
    ins = TensorType((3, 7), x, QuantParams.tensor(sx, zx))
    return Case((ins,), QuantizeAttrs(y), (TensorType((3, 7), y, QuantParams.tensor(sy, zy)),))


class Requantize(Elementwise):
    name = "requantize"
    Attrs = QuantizeAttrs
    monotone = True
    cases = (
        _case("i8", "i8", 0.02, 0.05, 5, -9),
        _case("i8", "i8", 0.05, 0.013, -3, 20),
        _case("i16", "i8", 0.000625, 0.09, 0, -3),
        _case("i8", "i16", 0.07, 0.0003, -128, 0),
        _case("i8", "i32", 0.0039, 3.05e-5, -128, 0),
        _case("u8", "i8", 0.02, 0.02, 131, 3),
        _case("i8", "u8", 0.02, 0.05, -5, 100),
    )

    def infer(self, ins: Types, attrs: QuantizeAttrs) -> list[TensorType]:
        return [TensorType(ins[0].shape, attrs.to)]

    def check(self, ins: Types, outs: Types, attrs: QuantizeAttrs) -> None:
        for t in (ins[0], outs[0]):
            if t.dtype not in _TYPES or t.quant is None or not t.quant.per_tensor:
                raise Unsupported(f"requantize works on {', '.join(_TYPES)} with one scale for the tensor")

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, int, int, int, int, int]:
        """multiplier, shift, both zero points, bounds."""
        qx, qy = ins[0].quant, outs[0].quant
        assert qx is not None and qy is not None
        m, s = quantize_multiplier(qx.scale[0] / qy.scale[0])
        info = np.iinfo(outs[0].numpy)
        return m, s, qx.zero_point[0], qy.zero_point[0], int(info.min), int(info.max)

    def bounds(
        self, low: list[np.ndarray], high: list[np.ndarray], ins: Types, outs: Types, attrs: QuantizeAttrs
    ) -> tuple[np.ndarray, np.ndarray] | None:
        widens = self._fixed(ins, outs)[1] > 16 or ins[0].dtype != "i8"  # might wrap round
        return None if widens else super().bounds(low, high, ins, outs, attrs)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: QuantizeAttrs) -> list[np.ndarray]:
        m, s, zx, zy, lo, hi = self._fixed(ins, outs)
        return [requantize(args[0].astype(np.int64) - zx, m, s, zy, lo, hi)]

    def emit(self, call: Any) -> str:
        m, s, zx, zy, lo, hi = self._fixed(call.ins, call.outs)
        bounds = (str(lo) if lo > -(2**31) else "INT32_MIN", hi)
        kernel = f"pz_requantize_{call.ins[0].dtype}_{call.outs[0].dtype}"
        return call.run(kernel, call.x(0), call.y(), call.outs[0].size, m, s, zx, zy, *bounds)


OP = Requantize()
