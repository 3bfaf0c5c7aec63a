"""Matrix product of two computed tensors; leading dimensions are batches of equal shape. Float or integers."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _onnx as onnx
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, multiply_long, quantize_multiplier
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, TensorType


def _matmul(ctx: Any, a: Any, b: Any) -> Any:
    dtype = ctx.promote(a, b)
    a, b = ctx.ref(a, dtype), ctx.ref(b, dtype)
    sa, sb = ctx.type(a).shape, ctx.type(b).shape
    a = ctx.reshape(a, (1, *sa)) if len(sa) == 1 else a
    b = ctx.reshape(b, (*sb, 1)) if len(sb) == 1 else b
    (ta, tb) = (ctx.type(a).shape, ctx.type(b).shape)
    if len(tb) == 2 and len(ta) > 2:  # one matrix for all rows
        y = ctx.emit("matmul", [ctx.reshape(a, (prod(ta[:-1]), ta[-1])), b])
        return ctx.reshape(y, ctx.out_shape)
    batch = np.broadcast_shapes(ta[:-2], tb[:-2])
    a, b = ctx.expand(a, (*batch, *ta[-2:])), ctx.expand(b, (*batch, *tb[-2:]))
    return ctx.reshape(ctx.emit("matmul", [a, b]), ctx.out_shape)


def _addmm(ctx: Any, c: Any, a: Any, b: Any, *, alpha: float = 1, beta: float = 1) -> Any:
    if alpha != 1 or beta != 1:
        raise Unsupported("addmm with alpha or beta other than 1 is not supported; multiply explicitly")
    return ctx.emit("add", [_matmul(ctx, a, b), ctx.ref(c, "f32")])


def _onnx(ctx: Any) -> str:
    return onnx.matmul(ctx, ctx.ref(0), ctx.ref(1))


class Matmul(Op):
    name = "matmul"
    quant_rule = "free"
    aten = {
        "matmul.default": _matmul,
        "mm.default": _matmul,
        "bmm.default": _matmul,
        "mv.default": _matmul,
        "dot.default": _matmul,
        "addmm.default": _addmm,
    }
    onnx = {"MatMul": _onnx}
    cases = (
        Case((TensorType((3, 4)), TensorType((4, 5)))),
        Case((TensorType((2, 3, 4)), TensorType((2, 4, 2)))),
        Case((TensorType((2, 3), "i32"), TensorType((3, 2), "i32"))),
        *(
            Case(
                (
                    TensorType((2, 3, 9), d, QuantParams.tensor(a, z)),
                    TensorType((2, 9, 4), d, QuantParams.tensor(b, -z)),
                ),
                outs=(TensorType((2, 3, 4), d, QuantParams.tensor(y, 2 * z)),),
            )
            for d, a, b, y, z in (("i8", 0.02, 0.05, 0.3, 9), ("i16", 0.0002, 0.0004, 0.0009, 0))
        ),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        a, b = ins
        if a.dtype != b.dtype or a.dtype not in ("f32", "i32", "i16", "i8"):
            raise Unsupported(f"matmul takes two inputs of type f32 or i32, got {a.dtype} and {b.dtype}")
        if a.rank < 2 or a.rank != b.rank or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
            raise Unsupported(f"matmul of {list(a.shape)} and {list(b.shape)}")
        return [TensorType((*a.shape[:-1], b.shape[-1]), a.dtype)]

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        return outs[0].size * ins[0].shape[-1]

    def quant_inputs(self, ins: Types, attrs: Any) -> dict[int, str]:
        return {0: "act", 1: "act"}

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        types = (*ins, outs[0])
        if any(t.dtype != ins[0].dtype or t.quant is None or not t.quant.per_tensor for t in types):
            return False
        a, b, y = (t.quant.scale[0] for t in types if t.quant is not None)
        zeros = any(t.quant.zero_point[0] for t in types if t.quant is not None)
        return (ins[0].dtype == "i8" or (ins[0].dtype == "i16" and not zeros)) and a * b < y * (1 << 13)

    def _fixed(self, ins: Types, outs: Types) -> tuple[int, ...]:
        """Zero points, factor and shift; int16 has a factor of 16 bits, for sums of more than 32."""
        a, b, y = (t.quant for t in (*ins, outs[0]))
        assert a is not None and b is not None and y is not None
        sa, sb, sy = (np.float64(np.float32(q.scale[0])) for q in (a, b, y))
        m, s = quantize_multiplier(float(sa * sb / sy))
        if ins[0].dtype == "i16":
            m = (m + (1 << 15)) >> 16 if m < 0x7FFF0000 else 0x7FFF
        return a.zero_point[0], b.zero_point[0], y.zero_point[0], m, s

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        if outs[0].quant is not None:
            za, zb, zy, m, s = self._fixed(ins, outs)
            acc = np.matmul(args[0].astype(np.int64) - za, args[1].astype(np.int64) - zb)
            info = np.iinfo(outs[0].numpy)
            made = multiply_long(acc, m, s) if ins[0].dtype == "i16" else multiply_by_quantized_multiplier(acc, m, s)
            return [np.clip(made + zy, info.min, info.max)]
        return [np.matmul(args[0], args[1])]

    def emit(self, call: Any) -> str:
        *batch, m, k = call.ins[0].shape
        if call.outs[0].quant is not None:
            size = (prod(batch), m, k, call.ins[1].shape[-1])
            kernel = f"pz_matmul_q{8 if call.ins[0].dtype == 'i8' else 16}"
            return call.run(kernel, call.x(0), call.x(1), call.y(), *size, *self._fixed(call.ins, call.outs))
        return call.run(
            f"pz_matmul_{call.ins[0].dtype}", call.x(0), call.x(1), call.y(), prod(batch), m, k, call.ins[1].shape[-1]
        )


OP = Matmul()
