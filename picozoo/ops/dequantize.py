"""Integers to float: scale * (q - zero point). Half of a QDQ pair; the parameters are in the input's type."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Elementwise
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType


def _tflite(ctx: Any) -> Any:
    """Constants of float16 become float32 here; all else is quantised."""
    half = ctx.half(0)
    if half is not None:
        return ctx.const(half.astype(np.float32), TensorType(half.shape), ctx.hint(0))
    return ctx.emit("dequantize", [ctx.ref(0)])


class Dequantize(Elementwise):
    name = "dequantize"
    tflite = {"DEQUANTIZE": _tflite}
    cases = (
        Case((TensorType((3, 5), "i8", QuantParams.tensor(0.02, 5)),), outs=(TensorType((3, 5)),)),
        Case((TensorType((2, 3), "i16", QuantParams.tensor(0.001)),), outs=(TensorType((2, 3)),)),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        return [TensorType(ins[0].shape, "f32")]

    def check(self, ins: Types, outs: Types, attrs: Any) -> None:
        if ins[0].quant is None or ins[0].dtype not in ("i8", "i16", "i32"):
            raise Unsupported("dequantize takes a quantised tensor of type i8, i16 or i32")

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        assert ins[0].quant is not None
        scale, zero = ins[0].quant.broadcast(ins[0].rank)
        return [(args[0].astype(np.int64) - zero).astype(np.float32) * scale]

    def emit(self, call: Any) -> str:
        q = call.ins[0].quant
        if not q.per_tensor:
            raise Unsupported("dequantize of a computed tensor with one scale per channel")
        return call.run(
            f"pz_dequantize_{call.ins[0].dtype}",
            call.x(0),
            call.y(),
            call.outs[0].size,
            call.literal(q.scale[0]),
            q.zero_point[0],
        )


OP = Dequantize()
