"""Element by element: the second input where the first is true, else the third. All three broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._elementwise import Elementwise, broadcast_shape, plan_loops
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


def _read(ctx: Any, cond: Any, a: Any, b: Any) -> Any:
    dtype = ctx.out_dtype
    return ctx.emit("where", [ctx.ref(cond, "bool"), ctx.ref(a, dtype), ctx.ref(b, dtype)])


def _onnx(ctx: Any) -> str:
    return str(ctx.emit("where", [ctx.ref(0), ctx.plain(ctx.ref(1)), ctx.plain(ctx.ref(2))]))


class Where(Elementwise):
    name = "where"
    aten = {"where.self": _read, "where.ScalarSelf": _read, "where.ScalarOther": _read, "where.Scalar": _read}
    onnx = {"Where": _onnx}
    cases = (
        Case((TensorType((2, 5), "bool"), TensorType((2, 5)), TensorType(()))),
        Case((TensorType((5,), "bool"), TensorType((2, 1), "i8"), TensorType((2, 5), "i8"))),
        Case((TensorType((), "bool"), TensorType((3,), "i64"), TensorType((3,), "i64"))),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        c, a, b = ins
        if c.dtype != "bool" or a.dtype != b.dtype:
            raise Unsupported(f"where takes (bool, T, T), got ({c.dtype}, {a.dtype}, {b.dtype})")
        return [TensorType(broadcast_shape(c.shape, broadcast_shape(a.shape, b.shape)), a.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [np.where(args[0], args[1], args[2])]

    def lowers(self, ins: Types, outs: Types, attrs: Any) -> bool:
        return all(t.dtype == outs[0].dtype and t.quant == outs[0].quant for t in ins[1:])

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return tuple(i for i, t in enumerate(ins) if t.shape == outs[0].shape and t.nbytes == outs[0].nbytes)

    def emit(self, call: Any) -> str:
        loops = plan_loops(call.outs[0].shape, *(t.shape for t in call.ins))
        return call.run(f"pz_where_{call.outs[0].dtype}", call.x(0), call.x(1), call.x(2), call.y(), *loops.args)


OP = Where()
