"""Weighted sums of known places along the middle dimension: y[o, j, i] = sum over t of w[j, t] * x[o, place[j, t], i].

Every kind of interpolation along one dimension is this, with places and weights worked out at compile time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


class Resample(Op):
    name = "resample"
    flash_inputs = (1, 2)
    cases = (
        Case((TensorType((2, 4, 3)), TensorType((5, 2), "i16"), TensorType((5, 2))), constants=(1, 2), low=0, high=3),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, place, w = ins
        if x.rank != 3 or x.dtype != "f32" or place.rank != 2 or place.shape != w.shape or w.dtype != "f32":
            raise Unsupported(f"resample of {x.dtype}{list(x.shape)} with weights {list(w.shape)}")
        if place.dtype not in ("i16", "i32"):
            raise Unsupported(f"resample takes places of type i16 or i32, got {place.dtype}")
        return [TensorType((x.shape[0], place.shape[0], x.shape[2]), "f32")]

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        return outs[0].size * ins[1].shape[1]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        x, place, w = args
        place = np.clip(place.astype(np.int64), 0, x.shape[1] - 1)
        return [np.einsum("ojti,jt->oji", x[:, place], w, dtype=np.float32)]

    def emit(self, call: Any) -> str:
        if not (call.in_flash(1) and call.in_flash(2)):
            raise Unsupported("resample needs constant places and weights")
        (outer, n, inner), (m, taps) = call.ins[0].shape, call.ins[1].shape
        where = (call.x(0), call.x(1), call.x(2), call.y())
        return call.run(f"pz_resample_{call.ins[1].dtype}", *where, outer, n, inner, m, taps)


OP = Resample()
