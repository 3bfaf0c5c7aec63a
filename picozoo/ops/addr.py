"""Rank-one update: y = x + a b^T. Kept whole because the product alone would need as much memory as x."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


def _read(ctx: Any, x: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    if beta != 1 or alpha != 1:
        raise Unsupported("addr with alpha or beta other than 1 is not supported; scale a vector first")
    dtype = ctx.out_dtype
    return ctx.emit("addr", [ctx.ref(x, dtype), ctx.ref(a, dtype), ctx.ref(b, dtype)])


class Addr(Op):
    name = "addr"
    aten = {"addr.default": _read}
    cases = tuple(Case((TensorType((3, 4), d), TensorType((3,), d), TensorType((4,), d))) for d in ("f32", "i8", "i32"))

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        x, a, b = ins
        if len({t.dtype for t in ins}) > 1 or x.dtype not in ("f32", "i8", "i16", "i32"):
            raise Unsupported(f"addr takes three inputs of one type, got {[t.dtype for t in ins]}")
        if a.rank != 1 or b.rank != 1 or x.shape != (a.size, b.size):
            raise Unsupported(f"addr of {list(x.shape)} with vectors {list(a.shape)} and {list(b.shape)}")
        return [x]

    def macs(self, ins: Types, outs: Types, attrs: Any) -> int:
        return outs[0].size

    def inplace(self, ins: Types, outs: Types, attrs: Any) -> tuple[int, ...]:
        return (0,)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return [args[0] + np.outer(args[1], args[2]).astype(args[0].dtype)]

    def emit(self, call: Any) -> str:
        return call.run(f"pz_addr_{call.ins[0].dtype}", call.x(0), call.x(1), call.x(2), call.y(), *call.ins[0].shape)


OP = Addr()
