"""Sum over dimensions; integers wrap around. Narrow integers may be summed straight into a wider type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _onnx as onnx
from picozoo.ops import _tflite as tflite
from picozoo.ops._fixed_point import quantize_multiplier, requantize
from picozoo.ops._op import Case, Types
from picozoo.ops._reduce import Reduce, ReduceAttrs, reduce_cases, runs_of
from picozoo.specs import QuantParams, TensorType

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
    onnx = {"ReduceSum": onnx.reduction("sum", since=13, empty=0)}
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
        *(
            Case(
                (TensorType((2, 3, 5), d, QuantParams.tensor(0.02, z)),),
                SumAttrs((1, 2), True),
                (TensorType((2, 1, 1), d, QuantParams.tensor(0.11, -z)),),
            )
            for d, z in (("i8", 7), ("i16", 0))
        ),
    )

    def infer(self, ins: Types, attrs: ReduceAttrs) -> list[TensorType]:
        to = getattr(attrs, "to", "") or ins[0].dtype
        if ins[0].quant is not None and to == ins[0].dtype:
            return super().infer(ins, attrs)
        if to not in _WIDER.get(ins[0].dtype, ()):
            raise Unsupported(f"sum of {ins[0].dtype} gives {' or '.join(_WIDER[ins[0].dtype])}, not {to}")
        return [super().infer(ins, attrs)[0].with_(dtype=to)]

    def fn(self, x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return np.asarray(x.sum(axis, dtype=np.int64 if x.dtype.kind != "f" else x.dtype))

    def lowers(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> bool:
        types = (ins[0], outs[0])
        return ins[0].dtype == outs[0].dtype in ("i8", "i16") and all(t.quant and t.quant.per_tensor for t in types)

    def _fixed(self, ins: Types, outs: Types, attrs: ReduceAttrs) -> tuple[int, int, int, int]:
        """n * zero point of the input, factor, shift, zero point of the output; for the kernels of `mean`."""
        qx, qy = ins[0].quant, outs[0].quant
        assert qx is not None and qy is not None
        m, s = quantize_multiplier(float(np.float32(qx.scale[0]) / np.float32(qy.scale[0])))
        return self.split(ins[0], attrs)[1] * qx.zero_point[0], m, s, qy.zero_point[0]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ReduceAttrs) -> list[np.ndarray]:
        if outs[0].quant is None:
            return super().reference(args, ins, outs, attrs)
        nz, m, s, zero = self._fixed(ins, outs, attrs)
        info = np.iinfo(outs[0].numpy)
        total = args[0].reshape(self.split(ins[0], attrs)).astype(np.int64).sum(1) - nz
        return [requantize(total, m, s, zero, int(info.min), int(info.max))]

    def permute(self, attrs: ReduceAttrs, ins: Types, perm: tuple[int, ...]) -> SumAttrs | None:
        moved = super().permute(attrs, ins, perm)
        return None if moved is None else SumAttrs(moved.axes, moved.keep, getattr(attrs, "to", ""))

    def emit(self, call: Any) -> str:
        if call.outs[0].quant is not None:
            args = (*self.split(call.ins[0], call.attrs), *self._fixed(call.ins, call.outs, call.attrs))
            return call.run(f"pz_mean_{call.ins[0].dtype}", call.x(0), call.y(), *args, header="pz_mean.h")
        kernel = f"pz_sum_{call.ins[0].dtype}_{call.outs[0].dtype}"
        return call.run(kernel, call.x(0), call.y(), *self.split(call.ins[0], call.attrs))


OP = Sum()
