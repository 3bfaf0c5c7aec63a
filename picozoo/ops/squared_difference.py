"""(a - b)^2 in int8 and int16; broadcasts. Float files get a difference and a product."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Binary, plan_loops
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType

_LEFT = {"i8": 7, "i16": 0}  # bits by which both are widened before they are scaled


def _case(a: tuple[int, ...], b: tuple[int, ...]) -> Case:
    x, s, y = QuantParams.tensor(0.05, -7), QuantParams.tensor(0.03, 3), QuantParams.tensor(0.4, -90)
    return Case((TensorType(a, "i8", x), TensorType(b, "i8", s)), outs=(TensorType(a, "i8", y),))


def _wide_case() -> Case:
    x, s, y = QuantParams.tensor(0.0002), QuantParams.tensor(0.0003), QuantParams.tensor(0.004)
    return Case((TensorType((3, 4), "i16", x), TensorType((4,), "i16", s)), outs=(TensorType((3, 4), "i16", y),))


class SquaredDifference(Binary):
    name = "squared_difference"
    cases = (_case((2, 3, 4), (4,)), _case((2, 5), (2, 5)), _case((7,), ()), _wide_case())

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        if ins[0].quant is None:
            raise Unsupported("squared_difference takes quantised int8 or int16; write float ones with sub and mul")
        return super().infer(ins, attrs)

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        types = (*ins, outs[0])
        known = all(t.dtype == outs[0].dtype and t.quant is not None and t.quant.per_tensor for t in types)
        zeros = all(t.quant is not None and not any(t.quant.zero_point) for t in types)
        return known and (outs[0].dtype == "i8" or (outs[0].dtype == "i16" and zeros))

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a - b) ** 2

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, ...]:
        a, b, y = (t.quant for t in (*ins, outs[0]))
        assert a is not None and b is not None and y is not None
        sa, sb, sy = (np.float64(np.float32(q.scale[0])) for q in (a, b, y))
        twice, left = 2 * max(sa, sb), _LEFT[outs[0].dtype]
        factors = (sa / twice, sb / twice, twice * twice / ((1 << 2 * left) * sy))
        pairs = [v for f in factors for v in quantize_multiplier(float(f))]
        return (a.zero_point[0], b.zero_point[0], y.zero_point[0], *pairs)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        za, zb, zy, ma, sa, mb, sb, m, s = self._fixed(ins, outs)
        left, info = _LEFT[outs[0].dtype], np.iinfo(outs[0].numpy)
        a = multiply_by_quantized_multiplier((args[0].astype(np.int64) - za) << left, ma, sa)
        b = multiply_by_quantized_multiplier((args[1].astype(np.int64) - zb) << left, mb, sb)
        return [requantize((a - b) ** 2, m, s, zy, info.min, info.max).astype(outs[0].numpy)]

    def emit(self, call: Any) -> str:
        loops = plan_loops(call.outs[0].shape, call.ins[0].shape, call.ins[1].shape)
        where = (call.x(0), call.x(1), call.y(), *loops.args)
        return str(call.run(f"pz_squared_difference_{call.outs[0].dtype}", *where, *self._fixed(call.ins, call.outs)))


OP = SquaredDifference()
