"""Change of element type. Float to integer drops the fraction and clamps; wider to narrower integer wraps around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._elementwise import Elementwise
from picozoo.ops._op import Case, Types
from picozoo.ops.narrow_float import NarrowFloatAttrs
from picozoo.specs import TensorType


@dataclass(frozen=True)
class CastAttrs:
    to: str = "f32"


def _copy(ctx: Any, x: Any, *_: Any, **__: Any) -> Any:
    y = ctx.ref(x, ctx.out_dtype)
    return ctx.emit("narrow_float", [y], NarrowFloatAttrs(ctx.narrow)) if ctx.narrow else y


def _onnx(ctx: Any) -> Any:
    return ctx.to_kind(ctx.ref(0), ctx.attr("to", 1), bool(ctx.attr("saturate", 1)))


def _onnx_like(ctx: Any) -> Any:
    return ctx.to_kind(ctx.ref(0), ctx.kind(1), bool(ctx.attr("saturate", 1)))


class Cast(Elementwise):
    name = "cast"
    Attrs = CastAttrs
    aten = {
        "_to_copy.default": _copy,
        "to.dtype": _copy,
        "to.dtype_layout": _copy,
        "clone.default": _copy,
        "contiguous.default": _copy,
        "alias.default": _copy,
        "detach.default": _copy,
        "dropout.default": _copy,
        "lift_fresh_copy.default": _copy,
        "detach_.default": _copy,
        "type_as.default": _copy,
    }
    tflite = {"CAST": lambda ctx: ctx.emit("cast", [ctx.ref(0)], CastAttrs(ctx.out().dtype))}
    onnx = {"Cast": _onnx, "CastLike": _onnx_like}
    cases = tuple(
        Case((TensorType((3, 4), a),), CastAttrs(b), low=-300, high=300)
        for a, b in (
            ("f32", "i32"),
            ("f32", "i8"),
            ("i8", "f32"),
            ("i32", "i8"),
            ("i8", "i32"),
            ("i64", "i16"),
            ("bool", "f32"),
            ("f32", "bool"),
            ("i32", "bool"),
            ("u8", "i32"),
            ("i16", "i64"),
        )
    )

    def infer(self, ins: Types, attrs: CastAttrs) -> list[TensorType]:
        return [TensorType(ins[0].shape, attrs.to)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: CastAttrs) -> list[np.ndarray]:
        x, to = args[0], outs[0].numpy
        if attrs.to == "bool":
            return [x != 0]
        if x.dtype.kind == "f" and attrs.to != "f32":
            info = np.iinfo(to)
            x = np.where(np.isnan(x), np.float32(0), x)
            return [np.clip(np.trunc(x.astype(np.float64)), info.min, info.max).astype(np.int64).astype(to)]
        return [x.astype(to)]

    def inplace(self, ins: Types, outs: Types, attrs: CastAttrs) -> tuple[int, ...]:
        return (0,) if ins[0].nbytes == outs[0].nbytes else ()

    def emit(self, call: Any) -> str:
        return call.run(f"pz_cast_{call.ins[0].dtype}_{call.outs[0].dtype}", call.x(0), call.y(), call.outs[0].size)


OP = Cast()
