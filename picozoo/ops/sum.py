"""Sum over dimensions; integers wrap around. Narrow integers may be summed straight into a wider type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _tflite as tflite
from picozoo.ops._op import Case, Types
from picozoo.ops._reduce import Reduce, ReduceAttrs, reduce_cases, runs_of
from picozoo.specs import TensorType

_WIDER = {
    "i8": ("i32", "i64"),
    "u8": ("i32", "i64"),
    "bool": ("i32", "i64"),
    "i16": ("i32", "i64"),
    "i32": ("i32", "i64"),
    "i64": ("i64",),
    "f32": ("f32",),
}


@dataclass(frozen=True)
class SumAttrs(ReduceAttrs):
    """`to`: element type of the sum, "" for the input's own (f32, i32 or i64)."""

    to: str = ""


def _read(ctx: Any, x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    x, to = ctx.ref(x), ctx.out_dtype
    if to not in _WIDER[ctx.type(x).dtype]:
        x = ctx.ref(x, to)
    for run in runs_of(dim, ctx.type(x).rank):
        x = ctx.emit("sum", [x], SumAttrs(run, True, to))
    return ctx.reshape(x, ctx.out_shape)


class Sum(Reduce):
    name = "sum"
    Attrs = SumAttrs
    dtypes = tuple(_WIDER)
    aten = {"sum.default": _read, "sum.dim_IntList": _read}
    tflite = {"SUM": tflite.reduction("sum", SumAttrs)}
    cases = (
        *(
            Case(c.ins, SumAttrs(c.attrs.axes, c.attrs.keep, c.ins[0].dtype))
            for c in reduce_cases(("f32", "i32", "i64"))
        ),
        *(
            Case((TensorType((3, 7), d),), SumAttrs((1,), False, to))
            for d in ("i8", "u8", "i16", "bool")
            for to in ("i32", "i64")
        ),
    )

    def infer(self, ins: Types, attrs: ReduceAttrs) -> list[TensorType]:
        to = getattr(attrs, "to", "") or ins[0].dtype
        if to not in _WIDER.get(ins[0].dtype, ()):
            raise Unsupported(f"sum of {ins[0].dtype} gives {' or '.join(_WIDER[ins[0].dtype])}, not {to}")
        return [super().infer(ins, attrs)[0].with_(dtype=to)]

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.sum(axis, dtype=np.int64 if x.dtype.kind != "f" else x.dtype))

    def permute(self, attrs: ReduceAttrs, ins: Types, perm: tuple[int, ...]) -> SumAttrs | None:
        moved = super().permute(attrs, ins, perm)
        return None if moved is None else SumAttrs(moved.axes, moved.keep, getattr(attrs, "to", ""))

    def emit(self, call: Any) -> str:
        kernel = f"pz_sum_{call.ins[0].dtype}_{call.outs[0].dtype}"
        return call.run(kernel, call.x(0), call.y(), *self.split(call.ins[0], call.attrs))


OP = Sum()
