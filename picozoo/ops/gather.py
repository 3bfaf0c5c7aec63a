"""Picks rows along one dimension: y[o, k, i] = x[o, index[k], i]. Embeddings are this. Indices are clamped."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType


@dataclass(frozen=True)
class GatherAttrs:
    axis: int = 0


def _index_select(ctx: Any, x: Any, dim: int, index: Any) -> Any:
    x, index = ctx.ref(x), ctx.index(index)
    if ctx.type(index).rank == 0:
        index = ctx.reshape(index, (1,))
    return ctx.emit("gather", [x, index], GatherAttrs(norm_axis(dim, ctx.type(x).rank)))


def _index(ctx: Any, x: Any, indices: Any) -> Any:
    real = [(d, i) for d, i in enumerate(indices) if i is not None]
    if len(real) != 1:
        return ctx.read("_unsafe_index.Tensor", x, indices)  # which is for any number of them
    x, (axis, index) = ctx.ref(x), real[0]
    if ctx.type(ctx.ref(index)).dtype in ("bool", "u8"):
        raise Unsupported("indexing with truth values gives a size that depends on them; use torch.where")
    return ctx.emit("gather", [x, ctx.index(index, ctx.type(x).shape[axis])], GatherAttrs(axis))


def _onnx(ctx: Any) -> str:
    x = ctx.ref(0)
    axis = norm_axis(ctx.attr("axis", 0), ctx.type(x).rank)
    return str(ctx.emit("gather", [x, ctx.index(ctx.ref(1), ctx.shape(x)[axis])], GatherAttrs(axis)))


def _features(ctx: Any) -> str:
    """Columns of the last dimension; a vector counts as one row. Names are held as their places in the list of all."""
    if (names := ctx.strings(0)) is not None:
        ctx.program.meta["classes"] = ", ".join(names)
        index = ctx.index(ctx.ref(1), len(names))
        return str(ctx.cast(ctx.reshape(index, (1, ctx.type(index).size)), "i64"))
    x, columns = ctx.ref(0), ctx.ref(1)
    t, n = ctx.type(x), ctx.type(columns).size
    y = ctx.emit("gather", [x, ctx.index(ctx.reshape(columns, (n,)), t.shape[-1])], GatherAttrs(t.rank - 1))
    return str(ctx.reshape(y, (1, n)) if t.rank == 1 else y)


class Gather(Op):
    name = "gather"
    moves = True
    Attrs = GatherAttrs
    flash_inputs = (0, 1)
    aten = {
        "index_select.default": _index_select,
        "index.Tensor": _index,
        "embedding.default": lambda ctx, w, i, *_, **__: ctx.emit("gather", [ctx.ref(w), ctx.index(i)], GatherAttrs(0)),
        "take.default": lambda ctx, x, i: ctx.emit(
            "gather", [ctx.reshape(ctx.ref(x), (ctx.type(ctx.ref(x)).size,)), ctx.index(i)], GatherAttrs(0)
        ),
    }
    onnx = {"Gather": _onnx, "ai.onnx.ml.ArrayFeatureExtractor": _features}
    cases = (
        Case((TensorType((7, 3)), TensorType((4,), "i32")), GatherAttrs(0)),
        Case((TensorType((2, 5, 3), "i8"), TensorType((2, 2), "i64")), GatherAttrs(1)),
        Case((TensorType((9,), "i8"), TensorType((6,), "i16")), GatherAttrs(0), constants=(1,)),
        Case((TensorType((9,), "i16"), TensorType((), "u8")), GatherAttrs(0)),
        Case((TensorType((7, 3)), TensorType((4,), "i32")), GatherAttrs(0), constants=(0,)),
    )
    quant_rule = "same"

    def lowers(self, ins: Types, outs: Types, attrs: GatherAttrs) -> bool:
        return ins[0].dtype == outs[0].dtype and ins[0].quant == outs[0].quant

    def infer(self, ins: Types, attrs: GatherAttrs) -> list[TensorType]:
        x, index = ins
        if index.dtype not in ("i32", "i64", "i16", "u8"):
            raise Unsupported(f"gather takes integer indices, got {index.dtype}")
        if not 0 <= attrs.axis < x.rank or x.shape[attrs.axis] < 1:
            raise Unsupported(f"gather along axis {attrs.axis} of {list(x.shape)}")
        return [TensorType((*x.shape[: attrs.axis], *index.shape, *x.shape[attrs.axis + 1 :]), x.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GatherAttrs) -> list[np.ndarray]:
        n = ins[0].shape[attrs.axis]
        return [np.take(args[0], np.clip(args[1].astype(np.int64), 0, n - 1), axis=attrs.axis)]

    def emit(self, call: Any) -> str:
        x, axis = call.ins[0], call.attrs.axis
        outer, inner = prod(x.shape[:axis]), prod(x.shape[axis + 1 :])
        bytes_ = x.nbytes // x.size
        table, flash = "table_" if call.in_flash(0) else "", "_flash" if call.in_flash(1) else ""
        return call.run(
            f"pz_gather_{table}{bytes_}_{call.ins[1].dtype}{flash}",
            call.bytes_of(0),
            call.x(1),
            call.bytes_out(),
            outer,
            x.shape[axis],
            inner,
            call.ins[1].size,
        )


OP = Gather()
