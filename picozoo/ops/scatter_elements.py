"""x with one element changed for each index: y[index[i][j]][j] = v[i][j] along axis 0, or added, multiplied, max, min.

Negative indices count from the end. Equal indices take effect in the order of the updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._indexing import VALUES, check_index, ints, wrap
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.ops._strided import contiguous
from picozoo.specs import TensorType

REDUCTIONS = ("none", "add", "mul", "max", "min")


@dataclass(frozen=True)
class ScatterAttrs:
    """`reduction`: none, add, mul, max or min of the old and the new value."""

    axis: int = 0
    reduction: str = "none"


def apply(kind: str, old: Any, new: Any) -> Any:
    """One update. C twin: PZ_SCATTER_* in pz_scatter_elements.h."""
    with np.errstate(all="ignore"):
        return {
            "none": lambda: new,
            "add": lambda: old + new,
            "mul": lambda: old * new,
            "max": lambda: new if new > old else old,
            "min": lambda: new if new < old else old,
        }[kind]()


def check_values(name: str, ins: Types, attrs: Any) -> None:
    """Types and reduction of a scattering operator."""
    check_index(name, ins[1])
    if ins[0].dtype != ins[2].dtype or ins[0].dtype not in VALUES or attrs.reduction not in REDUCTIONS:
        raise Unsupported(f"{name} of {ins[2].dtype} into {ins[0].dtype} with reduction {attrs.reduction!r}")
    if ins[0].dtype == "bool" and attrs.reduction != "none":
        raise Unsupported(f"{name} of bool with reduction {attrs.reduction!r}")


def _onnx(ctx: Any) -> Any:
    x = ctx.plain(ctx.ref(0))
    attrs = ScatterAttrs(norm_axis(ctx.attr("axis", 0), ctx.type(x).rank), ctx.attr("reduction", "none"))
    return ctx.emit("scatter_elements", [x, ctx.ref(1), ctx.plain(ctx.ref(2))], attrs)


def _scatter(reduction: str) -> Any:
    def read(ctx: Any, x: Any, dim: int, index: Any, source: Any) -> Any:
        x = ctx.ref(x)
        attrs = ScatterAttrs(norm_axis(dim, ctx.type(x).rank), reduction)
        return ctx.emit("scatter_elements", [x, ctx.ref(index, "i32"), ctx.ref(source, ctx.type(x).dtype)], attrs)

    return read


class ScatterElements(Op):
    name = "scatter_elements"
    Attrs = ScatterAttrs
    aten = {
        "scatter_add.default": _scatter("add"),
    }
    onnx = {"ScatterElements": _onnx, "Scatter": _onnx}
    cases = (
        Case((TensorType((4, 3)), TensorType((2, 3), "i64"), TensorType((2, 3))), ScatterAttrs(0)),
        *(
            Case((TensorType((2, 3), d), TensorType((2, 4), "i32"), TensorType((2, 4), d)), ScatterAttrs(1, r))
            for d, r in (("f32", "add"), ("i32", "mul"), ("f32", "max"), ("i8", "min"), ("u8", "add"))
        ),
    )

    def infer(self, ins: Types, attrs: ScatterAttrs) -> list[TensorType]:
        x, index, v = ins
        check_values(self.name, ins, attrs)
        if x.rank != index.rank or index.shape != v.shape or not 0 <= attrs.axis < max(x.rank, 1) or not x.size:
            raise Unsupported(f"scatter_elements of {list(v.shape)} at {list(index.shape)} into {list(x.shape)}")
        if any(b > a for d, (a, b) in enumerate(zip(x.shape, index.shape, strict=True)) if d != attrs.axis):
            raise Unsupported(f"scatter_elements: indices {list(index.shape)} are larger than {list(x.shape)}")
        return [TensorType(x.shape, x.dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ScatterAttrs) -> list[np.ndarray]:
        y, index = args[0].copy(), wrap(args[1], ins[0].shape[attrs.axis])
        for at in np.ndindex(*index.shape):
            to = (*at[: attrs.axis], int(index[at]), *at[attrs.axis + 1 :])
            y[to] = apply(attrs.reduction, y[to], args[2][at])
        return [y]

    def inplace(self, ins: Types, outs: Types, attrs: ScatterAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        x, index, a = call.ins[0], call.ins[1], call.attrs
        copy = call.run("pz_copy", call.y(), call.x(0), x.nbytes, header="pz_base.h")
        tables = (ints(index.shape), ints(contiguous(x.shape)))
        where = (call.x(1), call.x(2), call.y(), index.size, x.rank, *tables, a.axis, x.shape[a.axis])
        return copy + "\n" + call.run(f"pz_scatter_elements_{a.reduction}_{x.dtype}_{index.dtype}", *where)


OP = ScatterElements()
