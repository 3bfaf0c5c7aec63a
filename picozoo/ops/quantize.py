"""Float to integers: round(x / scale) + zero point, clamped. Half of a pair; parameters are in the output's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Elementwise
from picozoo.ops._fixed_point import quantize_array
from picozoo.ops._op import Case, Types
from picozoo.specs import QuantParams, TensorType


@dataclass(frozen=True)
class QuantizeAttrs:
    """`even`: halves go to even, as ONNX rounds; else away from zero, as TFLite."""

    to: str = "i8"
    even: bool = False


def _tflite(ctx: Any) -> Any:
    if ctx.type(ctx.ref(0)).quant is not None:
        return ctx.emit("requantize", [ctx.ref(0)], QuantizeAttrs(ctx.out().dtype))
    return ctx.emit("quantize", [ctx.ref(0)], QuantizeAttrs(ctx.out().dtype))


class Quantize(Elementwise):
    name = "quantize"
    Attrs = QuantizeAttrs
    tflite = {"QUANTIZE": _tflite}
    cases = (
        Case((TensorType((3, 5)),), QuantizeAttrs(), (TensorType((3, 5), "i8", QuantParams.tensor(0.013, -4)),)),
        Case((TensorType((9,)),), QuantizeAttrs("i8", True), (TensorType((9,), "i8", QuantParams.tensor(0.5, 3)),)),
        Case((TensorType((9,)),), QuantizeAttrs("i16", True), (TensorType((9,), "i16", QuantParams.tensor(0.01)),)),
        Case((TensorType((9,)),), QuantizeAttrs("i16"), (TensorType((9,), "i16", QuantParams.tensor(0.0001)),)),
    )

    def infer(self, ins: Types, attrs: QuantizeAttrs) -> list[TensorType]:
        return [TensorType(ins[0].shape, attrs.to)]

    def check(self, ins: Types, outs: Types, attrs: QuantizeAttrs) -> None:
        if (
            ins[0].dtype != "f32"
            or outs[0].quant is None
            or not outs[0].quant.per_tensor
            or outs[0].dtype not in ("i8", "i16")
        ):
            raise Unsupported("quantize goes from f32 to i8 or i16 with one scale for the tensor")

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: QuantizeAttrs) -> list[np.ndarray]:
        q = outs[0].quant
        assert q is not None
        if not attrs.even:
            return [quantize_array(args[0], q.scale[0], q.zero_point[0], outs[0].dtype)]
        y = np.clip(np.nan_to_num(np.round(args[0] / np.float32(q.scale[0]))), np.float32(-1e9), np.float32(1e9))
        info = np.iinfo(outs[0].numpy)
        return [np.clip(y.astype(np.int64) + q.zero_point[0], info.min, info.max)]

    def emit(self, call: Any) -> str:
        q = call.outs[0].quant
        return call.run(
            f"pz_quantize_{call.outs[0].dtype}{'_even' if call.attrs.even else ''}",
            call.x(0),
            call.y(),
            call.outs[0].size,
            call.literal(q.scale[0]),
            q.zero_point[0],
        )


OP = Quantize()
