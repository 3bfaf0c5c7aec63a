"""x for x >= 0, else slope * x, with a slope for each place; broadcasts. In int8; float files get primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Binary, plan_loops
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType


def _case(a: tuple[int, ...], b: tuple[int, ...]) -> Case:
    x, s, y = QuantParams.tensor(0.05, -7), QuantParams.tensor(0.01, 3), QuantParams.tensor(0.04, 9)
    return Case((TensorType(a, "i8", x), TensorType(b, "i8", s)), outs=(TensorType(a, "i8", y),))


class Prelu(Binary):
    name = "prelu"
    cases = (_case((2, 3, 4), (4,)), _case((2, 5), (2, 5)), _case((7,), ()))

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        if ins[0].quant is None:
            raise Unsupported("prelu takes quantised int8; write float ones with maximum and minimum")
        return super().infer(ins, attrs)

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        types = (*ins, outs[0])
        return all(t.dtype == "i8" and t.quant is not None and t.quant.per_tensor for t in types)

    def fn(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where(a >= 0, a, a * b)

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, ...]:
        x, a, y = (t.quant for t in (*ins, outs[0]))
        assert x is not None and a is not None and y is not None
        sx, sa, sy = (np.float32(q.scale[0]) for q in (x, a, y))
        above, below = quantize_multiplier(float(sx / sy)), quantize_multiplier(float(sx * sa / sy))
        return (*above, *below, x.zero_point[0], a.zero_point[0], y.zero_point[0])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        m, s, mb, sb, zx, za, zy = self._fixed(ins, outs)
        x, a = args[0].astype(np.int64) - zx, args[1].astype(np.int64) - za
        above, below = requantize(x, m, s, zy, -128, 127), requantize(x * a, mb, sb, zy, -128, 127)
        return [np.where(np.broadcast_to(x, below.shape) >= 0, above, below)]

    def emit(self, call: Any) -> str:
        loops = plan_loops(call.outs[0].shape, call.ins[0].shape, call.ins[1].shape)
        return str(
            call.run("pz_prelu_i8", call.x(0), call.x(1), call.y(), *loops.args, *self._fixed(call.ins, call.outs))
        )


OP = Prelu()
