"""One element for each index: y[i][j] = x[index[i][j]][j] along axis 0. Negative indices count from the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._indexing import check_index, ints, width, wrap
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.ops._strided import contiguous
from picozoo.ops.gather import GatherAttrs
from picozoo.specs import TensorType


def _torch(ctx: Any, x: Any, dim: int, index: Any, **_: Any) -> Any:
    x = ctx.ref(x)
    return ctx.emit("gather_elements", [x, ctx.ref(index)], GatherAttrs(norm_axis(dim, ctx.type(x).rank)))


def _onnx(ctx: Any) -> Any:
    x = ctx.plain(ctx.ref(0))
    axis = norm_axis(ctx.attr("axis", 0), ctx.type(x).rank)
    return ctx.emit("gather_elements", [x, ctx.ref(1)], GatherAttrs(axis))


class GatherElements(Op):
    name = "gather_elements"
    Attrs = GatherAttrs
    aten = {"gather.default": _torch}
    onnx = {"GatherElements": _onnx}
    cases = (
        Case((TensorType((4, 3)), TensorType((2, 3), "i64")), GatherAttrs(0)),
        Case((TensorType((2, 4, 3), "i8"), TensorType((2, 4, 2), "i32")), GatherAttrs(2), low=-3, high=2),
    )

    def infer(self, ins: Types, attrs: GatherAttrs) -> list[TensorType]:
        x, index = ins
        check_index(self.name, index)
        if x.rank != index.rank or not 0 <= attrs.axis < max(x.rank, 1) or not x.size:
            raise Unsupported(f"gather_elements of {list(x.shape)} with indices {list(index.shape)}")
        if any(b > a for d, (a, b) in enumerate(zip(x.shape, index.shape, strict=True)) if d != attrs.axis):
            raise Unsupported(f"gather_elements: indices {list(index.shape)} are larger than {list(x.shape)}")
        return [TensorType(index.shape, x.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GatherAttrs) -> list[np.ndarray]:
        x, axis = args[0], attrs.axis
        x = x[tuple(slice(None) if d == axis else slice(n) for d, n in enumerate(args[1].shape))]
        return [np.take_along_axis(x, wrap(args[1], x.shape[axis]), axis)]

    def emit(self, call: Any) -> str:
        x, index, axis = call.ins[0], call.ins[1], call.attrs.axis
        kernel = f"pz_gather_elements_{width(call.ins)}_{index.dtype}"
        tables = (ints(index.shape), ints(contiguous(x.shape)))
        return call.run(kernel, call.x(0), call.x(1), call.y(), index.size, x.rank, *tables, axis, x.shape[axis])


OP = GatherElements()
