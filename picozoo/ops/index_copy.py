"""Puts rows into a tensor at computed places: y = x, then y[index[k]] = rows[k]. Indices are clamped to the range."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class IndexCopyAttrs:
    """`axis` must be 0; other axes would need a strided write, which no network has asked for yet."""

    axis: int = 0


def _read(ctx: Any, x: Any, dim: int, index: Any, source: Any) -> Any:
    x = ctx.ref(x)
    return ctx.emit("index_copy", [x, ctx.index(index), ctx.ref(source, ctx.type(x).dtype)], IndexCopyAttrs(dim))


class IndexCopy(Op):
    name = "index_copy"
    Attrs = IndexCopyAttrs
    aten = {"index_copy.default": _read}
    cases = (
        Case((TensorType((7, 3)), TensorType((2,), "i32"), TensorType((2, 3))), IndexCopyAttrs()),
        Case((TensorType((9,), "i8"), TensorType((1,), "i64"), TensorType((1,), "i8")), IndexCopyAttrs()),
    )

    def infer(self, ins: Types, attrs: IndexCopyAttrs) -> list[TensorType]:
        x, index, rows = ins
        if attrs.axis != 0 or x.rank < 1 or index.rank != 1 or index.dtype not in ("i32", "i64", "i16"):
            raise Unsupported("index_copy works along axis 0 with one list of integer indices")
        if rows.dtype != x.dtype or rows.shape != (index.size, *x.shape[1:]):
            raise Unsupported(f"index_copy of rows {list(rows.shape)} into {list(x.shape)}")
        return [x.with_(quant=None)]

    def inplace(self, ins: Types, outs: Types, attrs: IndexCopyAttrs) -> tuple[int, ...]:
        return (0,)

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: IndexCopyAttrs) -> list[np.ndarray]:
        y = args[0].copy()
        for k, r in enumerate(np.clip(args[1].astype(np.int64), 0, len(y) - 1)):
            y[r] = args[2][k]
        return [y]

    def emit(self, call: Any) -> str:
        x = call.ins[0]
        return call.run(
            f"pz_index_copy_{x.nbytes // x.size}_{call.ins[1].dtype}",
            call.x(0),
            call.x(1),
            call.x(2),
            call.y(),
            x.shape[0],
            prod(x.shape[1:]),
            call.ins[1].size,
        )


OP = IndexCopy()
