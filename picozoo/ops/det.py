"""Determinants of the matrices in the last two dimensions, by elimination with row pivots."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _onnx as onnx
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType


class Det(Op):
    name = "det"
    onnx = {"Det": onnx.unary("det")}
    cases = (Case((TensorType((2, 3, 3)),)), Case((TensorType((4, 4)),)), Case((TensorType((3, 1, 1)),)))

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x = ins[0]
        if x.rank < 2 or x.shape[-1] != x.shape[-2] or x.shape[-1] < 1 or x.dtype != "f32":
            raise Unsupported(f"det of {x.dtype}{list(x.shape)}")
        return [TensorType(x.shape[:-2])]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [np.linalg.det(args[0].astype(np.float64)).astype(np.float32)]

    def scratch(self, ins: Types, outs: Types, attrs: Any, target: Target) -> int:
        return 4 * ins[0].shape[-1] ** 2

    def emit(self, call: Any) -> str:
        return call.run(
            "pz_det_f32", call.x(0), call.y(), call.scratch("pz_f32"), call.outs[0].size, call.ins[0].shape[-1]
        )


OP = Det()
