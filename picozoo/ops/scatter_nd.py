"""x with slices changed at tuples of indices: y[index[k, 0]][index[k, 1]]... = v[k], or added, multiplied, max, min.

Negative indices count from the end. Equal indices take effect in the order of the updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._indexing import ints, wrap
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._strided import contiguous
from picozoo.ops.scatter_elements import check_values
from picozoo.specs import TensorType

_JOIN = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


@dataclass(frozen=True)
class ScatterNdAttrs:
    """`reduction`: none, add, mul, max or min of the old and the new value."""

    reduction: str = "none"


def _onnx(ctx: Any) -> Any:
    refs = [ctx.plain(ctx.ref(0)), ctx.ref(1), ctx.plain(ctx.ref(2))]
    return ctx.emit("scatter_nd", refs, ScatterNdAttrs(ctx.attr("reduction", "none")))


class ScatterNd(Op):
    name = "scatter_nd"
    Attrs = ScatterNdAttrs
    onnx = {"ScatterND": _onnx}
    cases = tuple(
        Case(
            (TensorType((3, 4, 2), d), TensorType((5, 2), i), TensorType((5, 2), d)), ScatterNdAttrs(r), low=-2, high=2
        )
        for d, i, r in (("f32", "i64", "none"), ("f32", "i32", "add"), ("i32", "i64", "mul"), ("i16", "i32", "max"))
    )

    def infer(self, ins: Types, attrs: ScatterNdAttrs) -> list[TensorType]:
        x, index, v = ins
        check_values(self.name, ins, attrs)
        depth = index.shape[-1] if index.rank else 0
        if not 0 < depth <= x.rank or v.shape != (*index.shape[:-1], *x.shape[depth:]) or not x.size:
            raise Unsupported(f"scatter_nd of {list(v.shape)} at {list(index.shape)} into {list(x.shape)}")
        return [TensorType(x.shape, x.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ScatterNdAttrs) -> list[np.ndarray]:
        depth = ins[1].shape[-1]
        sizes, inner = ins[0].shape[:depth], prod(ins[0].shape[depth:])
        index = args[1].reshape(-1, depth)
        at: Any = sum(wrap(index[:, j], n) * s for j, (n, s) in enumerate(zip(sizes, contiguous(sizes), strict=True)))
        y, v = args[0].reshape(-1, inner).copy(), args[2].reshape(-1, inner)
        join: Any = _JOIN.get(attrs.reduction)
        for row, new in zip(at, v, strict=True):
            y[row] = new if join is None else join(y[row], new)
        return [y.reshape(ins[0].shape)]

    def inplace(self, ins: Types, outs: Types, attrs: ScatterNdAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        x, index = call.ins[0], call.ins[1]
        depth = index.shape[-1]
        copy = call.run("pz_copy", call.y(), call.x(0), x.nbytes, header="pz_base.h")
        where = (call.x(1), call.x(2), call.y(), index.size // depth, depth, ints(x.shape[:depth]))
        kernel = f"pz_scatter_nd_{call.attrs.reduction}_{x.dtype}_{index.dtype}"
        return copy + "\n" + call.run(kernel, *where, prod(x.shape[depth:]))


OP = ScatterNd()
