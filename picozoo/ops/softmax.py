"""Softmax over one dimension, or its logarithm. In int8 as LiteRT.

Post-training quantisation makes it int8 between integer layers (attention) and leaves it in float at a network's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._log_softmax8 import differences, log_softmax8
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.ops._softmax8 import exp_table, factor16, softmax8, softmax16, tables16
from picozoo.specs import QuantParams, TensorType

# Of every quantised softmax: type of the input and output -> quantisation of the output
_Y = {
    ("i8", "i8"): QuantParams.tensor(1 / 256, -128),
    ("i8", "i16"): QuantParams.tensor(1 / 65536, -32768),
    ("i16", "i16"): QuantParams.tensor(1 / 32768, 0),
}
_LOG = QuantParams.tensor(1 / 16, 127)  # of a logarithm


@dataclass(frozen=True)
class SoftmaxAttrs:
    """`beta` multiplies the input first."""

    axis: int = 0
    log: bool = False
    beta: float = 1.0


def _read(log: bool) -> Any:
    def read(ctx: Any, x: Any, dim: int, *_: Any, **__: Any) -> Any:
        x = ctx.ref(x, "f32")
        return ctx.emit("softmax", [x], SoftmaxAttrs(norm_axis(dim, ctx.type(x).rank), log))

    return read


def _tflite(log: bool) -> Any:
    def read(ctx: Any) -> Any:
        x = ctx.ref(0)
        axis = max(ctx.type(x).rank - 1, 0)
        return ctx.emit("softmax", [x], SoftmaxAttrs(axis, log, 1.0 if log else ctx.options["beta"]))

    return read


def _close(q: QuantParams, want: QuantParams | None) -> bool:
    """Is it the fixed quantisation, up to a rounding of the scale?"""
    return want is not None and q.zero_point == want.zero_point and abs(q.scale[0] / want.scale[0] - 1) < 1e-3


def _onnx(log: bool) -> Any:
    """Before operator set 13, all dimensions from the axis on are one."""

    def read(ctx: Any) -> str:
        x = ctx.ref(0)
        shape = ctx.shape(x)
        axis = norm_axis(ctx.attr("axis", -1 if ctx.opset >= 13 else 1), len(shape))
        if ctx.opset >= 13 or axis == len(shape) - 1:
            return str(ctx.emit("softmax", [x], SoftmaxAttrs(axis, log)))
        flat = ctx.reshape(x, (prod(shape[:axis]), prod(shape[axis:])))
        return str(ctx.reshape(ctx.emit("softmax", [flat], SoftmaxAttrs(1, log)), shape))

    return read


class Softmax(Op):
    name = "softmax"
    quant_rule = "inner"
    Attrs = SoftmaxAttrs
    aten = {
        "softmax.int": _read(False),
        "_softmax.default": _read(False),
        "log_softmax.int": _read(True),
        "_log_softmax.default": _read(True),
    }
    tflite = {"SOFTMAX": _tflite(False), "LOG_SOFTMAX": _tflite(True)}
    onnx = {"Softmax": _onnx(False), "LogSoftmax": _onnx(True)}
    cases = (
        Case((TensorType((2, 5)),), SoftmaxAttrs(1), low=-20, high=20),
        Case((TensorType((2, 5, 3)),), SoftmaxAttrs(1, True)),
        Case((TensorType((2, 4)),), SoftmaxAttrs(1, False, 0.5)),
        *(
            Case((TensorType(s, "i8", QuantParams.tensor(q)),), SoftmaxAttrs(1, True), (TensorType(s, "i8", _LOG),))
            for s, q in (((3, 12), 0.2), ((5, 7), 0.02), ((2, 3), 1.5), ((1, 40), 0.06), ((2, 1), 0.1))
        ),
        *(
            Case((TensorType(s, a, QuantParams.tensor(q)),), SoftmaxAttrs(1, False, b), (TensorType(s, y, _Y[a, y]),))
            for s, q, b, a, y in (
                ((3, 12), 0.2, 1.0, "i8", "i8"),
                ((5, 7), 0.02, 1.0, "i8", "i8"),
                ((2, 3), 1.5, 0.5, "i8", "i8"),
                ((1, 40), 0.06, 2.0, "i8", "i8"),
                ((2, 9), 0.1, 1.0, "i8", "i16"),
                ((3, 12), 0.0004, 1.0, "i16", "i16"),
                ((2, 5), 0.00003, 2.0, "i16", "i16"),
            )
        ),
    )

    def infer(self, ins: Types, attrs: SoftmaxAttrs) -> list[TensorType]:
        norm_axis(attrs.axis, ins[0].rank)
        if ins[0].dtype != "f32" and ins[0].quant is None:
            raise Unsupported(f"softmax takes f32 or quantised int8, got {ins[0].dtype}")
        return [ins[0]]

    def fixed_quant(self, outs: Types, attrs: SoftmaxAttrs) -> tuple[float, int]:
        q = _LOG if attrs.log else _Y["i8", "i8"]
        return q.scale[0], q.zero_point[0]

    def lowers(self, ins: Types, outs: Types, attrs: SoftmaxAttrs) -> bool:
        return (
            ins[0].quant is not None
            and ins[0].quant.per_tensor
            and outs[0].quant is not None
            and _close(outs[0].quant, _LOG if attrs.log else _Y.get((ins[0].dtype, outs[0].dtype)))
            and (not attrs.log or ins[0].dtype == outs[0].dtype == "i8")
            and attrs.axis == ins[0].rank - 1
            and attrs.beta * ins[0].quant.scale[0] * (1 << 26) > 1
        )

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SoftmaxAttrs) -> list[np.ndarray]:
        if outs[0].quant is not None and ins[0].quant is not None:
            rows = args[0].reshape(-1, ins[0].shape[-1])
            if ins[0].dtype == "i16":
                return [softmax16(rows, ins[0].quant.scale[0], attrs.beta)]
            if attrs.log:
                table = self._table(ins, attrs)
                return [log_softmax8(rows, table, differences(ins[0].quant.scale[0], len(table)))]
            return [softmax8(rows, self._table(ins, attrs), 16 if outs[0].dtype == "i16" else 8)]
        x = args[0] * np.float32(attrs.beta)
        x = x - x.max(attrs.axis, keepdims=True)
        e = np.exp(x)
        total = e.sum(attrs.axis, keepdims=True)
        return [x - np.log(total) if attrs.log else e / total]

    def inplace(self, ins: Types, outs: Types, attrs: SoftmaxAttrs) -> tuple[int, ...]:
        return (0,) if ins[0].dtype == outs[0].dtype else ()

    def permute(self, attrs: SoftmaxAttrs, ins: Types, perm: tuple[int, ...]) -> SoftmaxAttrs | None:
        return None if ins[0].quant is not None else SoftmaxAttrs(perm[attrs.axis], attrs.log, attrs.beta)

    def _table(self, ins: Types, attrs: SoftmaxAttrs) -> np.ndarray:
        assert ins[0].quant is not None
        return exp_table(ins[0].quant.scale[0], attrs.beta)

    def emit(self, call: Any) -> str:
        s, a = call.ins[0].shape, call.attrs.axis
        if call.ins[0].dtype == "i16":
            tables = [call.table(n, t) for n, t in zip(("exp", "inverse"), tables16(), strict=True)]
            factor = factor16(call.ins[0].quant.scale[0], call.attrs.beta)
            where = (call.x(0), call.y(), *tables)
            return call.run("pz_softmax_i16", *where, prod(s[:a]), s[a], *factor, header="pz_softmax.h")
        if call.outs[0].quant is not None:
            table = self._table(call.ins, call.attrs)
            where = (call.x(0), call.y(), call.table("exp", table))
            if call.attrs.log:
                scaled = call.table("scaled", differences(call.ins[0].quant.scale[0], len(table)))
                return call.run(
                    "pz_log_softmax_i8", *where, scaled, prod(s[:a]), s[a], len(table), header="pz_softmax.h"
                )
            kernel = "pz_softmax_i8" if call.outs[0].dtype == "i8" else "pz_softmax_i8_i16"
            return call.run(kernel, *where, prod(s[:a]), s[a], len(table), header="pz_softmax.h")
        return call.run(
            "pz_log_softmax_f32" if call.attrs.log else "pz_softmax_f32",
            call.x(0),
            call.y(),
            prod(s[:a]),
            s[a] if s else 1,
            prod(s[a + 1 :]),
            call.literal(float(call.attrs.beta)),
            header="pz_softmax.h",
        )


OP = Softmax()
