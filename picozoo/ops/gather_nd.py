"""Slices by tuples of indices: y[b, k] = x[b][index[b, k, 0]][...]. Negative indices count from the end."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._indexing import check_index, ints, width, wrap
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._strided import contiguous
from picozoo.specs import TensorType


@dataclass(frozen=True)
class GatherNdAttrs:
    """`batch`: leading dimensions that x and the indices share."""

    batch: int = 0


def _onnx(ctx: Any) -> Any:
    return ctx.emit("gather_nd", [ctx.plain(ctx.ref(0)), ctx.ref(1)], GatherNdAttrs(ctx.attr("batch_dims", 0)))


class GatherNd(Op):
    name = "gather_nd"
    Attrs = GatherNdAttrs
    onnx = {"GatherND": _onnx}
    cases = (
        Case((TensorType((3, 4, 2)), TensorType((5, 2), "i64")), GatherNdAttrs(), low=-3, high=2),
        Case((TensorType((2, 3, 4), "i8"), TensorType((2, 3, 1), "i32")), GatherNdAttrs(1)),
    )

    def infer(self, ins: Types, attrs: GatherNdAttrs) -> list[TensorType]:
        (x, index), b = ins, attrs.batch
        check_index(self.name, index)
        depth = index.shape[-1] if index.rank else 0
        fits = 0 <= b < index.rank and b + depth <= x.rank and x.shape[:b] == index.shape[:b]
        if not fits or not depth or not x.size:
            raise Unsupported(f"gather_nd of {list(x.shape)} with indices {list(index.shape)} and {b} batch dimensions")
        return [TensorType((*index.shape[:-1], *x.shape[b + depth :]), x.dtype)]

    def _split(self, ins: Types, b: int) -> tuple[int, tuple[int, ...], int]:
        """Batches, the sizes that indices run over, elements of a slice."""
        x, depth = ins[0].shape, ins[1].shape[-1]
        return prod(x[:b]), x[b : b + depth], prod(x[b + depth :])

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GatherNdAttrs) -> list[np.ndarray]:
        batches, sizes, inner = self._split(ins, attrs.batch)
        x, index = args[0].reshape(batches, -1, inner), args[1].reshape(batches, -1, len(sizes))
        at: Any = sum(wrap(index[..., j], n) * s for j, (n, s) in enumerate(zip(sizes, contiguous(sizes), strict=True)))
        return [np.stack([x[k][at[k]] for k in range(batches)]).reshape(outs[0].shape)]

    def emit(self, call: Any) -> str:
        batches, sizes, inner = self._split(call.ins, call.attrs.batch)
        count = call.ins[1].size // (batches * len(sizes))
        kernel = f"pz_gather_nd_{width(call.ins)}_{call.ins[1].dtype}"
        where = (call.x(0), call.x(1), call.y())
        return call.run(kernel, *where, batches, count, len(sizes), ints(sizes), prod(sizes), inner)


OP = GatherNd()
