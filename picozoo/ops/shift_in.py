"""The last columns of a stream: the oldest leave, new ones come in behind. (x, old) -> old without its first, then x.

x [..., k, ...] and old [..., n, ...] are alike but for dimension `axis`, and k <= n. The output may lie over `old`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import QuantParams, TensorType

_Q = QuantParams((0.1,), (3,))


@dataclass(frozen=True)
class ShiftInAttrs:
    axis: int = 0


class ShiftIn(Op):
    name = "shift_in"
    Attrs = ShiftInAttrs
    cases = (
        Case((TensorType((1, 1, 2, 3), "i8", _Q), TensorType((1, 4, 2, 3), "i8", _Q)), ShiftInAttrs(1)),
        Case((TensorType((2, 3), "i16"), TensorType((2, 7), "i16")), ShiftInAttrs(1)),
        Case((TensorType((5, 2)), TensorType((5, 2))), ShiftInAttrs(0)),
    )

    def infer(self, ins: Types, attrs: ShiftInAttrs) -> list[TensorType]:
        x, old = ins
        axis = norm_axis(attrs.axis, old.rank)
        alike = x.dtype == old.dtype and x.rank == old.rank and x.shape[:axis] == old.shape[:axis]
        if not alike or x.shape[axis + 1 :] != old.shape[axis + 1 :] or not 0 < x.shape[axis] <= old.shape[axis]:
            raise Unsupported(f"shift_in of {x.dtype}{list(x.shape)} into {old.dtype}{list(old.shape)} along {axis}")
        return [old]

    def lowers(self, ins: Types, outs: Types, attrs: ShiftInAttrs) -> bool:
        return all(t.dtype == outs[0].dtype and t.quant == outs[0].quant for t in ins)

    def inplace(self, ins: Types, outs: Types, attrs: ShiftInAttrs) -> tuple[int, ...]:
        return (1,)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ShiftInAttrs) -> list[np.ndarray]:
        x, old = args
        axis = norm_axis(attrs.axis, old.ndim)
        kept = np.take(old, range(x.shape[axis], old.shape[axis]), axis)
        return [np.concatenate([kept, x], axis)]

    def emit(self, call: Any) -> str:
        axis, (x, old) = norm_axis(call.attrs.axis, call.ins[1].rank), call.ins
        width = prod(old.shape[axis + 1 :]) * (old.nbytes // max(old.size, 1))
        sizes = (prod(old.shape[:axis]), old.shape[axis] * width, x.shape[axis] * width)
        return str(call.run("pz_shift_in", call.x(0), call.x(1), call.y(), *sizes))


OP = ShiftIn()
