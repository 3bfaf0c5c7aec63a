"""Layer normalisation over the last dimensions, with scale and shift. Source: Ba et al., 2016."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType


@dataclass(frozen=True)
class LayerNormAttrs:
    eps: float = 1e-5


def _read(ctx: Any, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any) -> Any:
    w = ctx.const(np.ones(tuple(shape), np.float32), "ones") if weight is None else ctx.ref(weight)
    b = ctx.const(np.zeros(tuple(shape), np.float32), "zeros") if bias is None else ctx.ref(bias)
    return ctx.emit("layer_norm", [ctx.ref(x), w, b], LayerNormAttrs(float(eps)))


def _onnx(ctx: Any) -> Any:
    x, w = ctx.ref(0), ctx.ref(1)
    shape = ctx.shape(x)
    axis = norm_axis(ctx.attr("axis", -1), len(shape))
    if ctx.wants(1) or ctx.wants(2) or ctx.shape(w) != shape[axis:]:
        return NotImplemented
    b = ctx.ref(2) if ctx.has(2) else ctx.const(np.zeros(shape[axis:]), "zeros", "f32")
    return ctx.emit("layer_norm", [x, w, b], LayerNormAttrs(float(ctx.attr("epsilon", 1e-5))))


class LayerNorm(Op):
    name = "layer_norm"
    Attrs = LayerNormAttrs
    flash_inputs = (1, 2)
    aten = {"layer_norm.default": _read}
    onnx = {"LayerNormalization": _onnx}
    cases = (Case((TensorType((2, 3, 8)), TensorType((8,)), TensorType((8,))), LayerNormAttrs(), constants=(1, 2)),)

    def infer(self, ins: Types, attrs: LayerNormAttrs) -> list[TensorType]:
        x, w, b = ins
        if w.shape != b.shape or x.shape[x.rank - w.rank :] != w.shape:
            raise Unsupported(f"layer_norm of {list(x.shape)} with weights {list(w.shape)}")
        return [x]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LayerNormAttrs) -> list[np.ndarray]:
        x, w, b = args
        flat = x.reshape(-1, w.size).astype(np.float64)
        centred = flat - flat.mean(1, keepdims=True)
        y = centred / np.sqrt((centred**2).mean(1, keepdims=True) + attrs.eps)
        return [(y * w.reshape(-1) + b.reshape(-1)).astype(np.float32)]

    def inplace(self, ins: Types, outs: Types, attrs: LayerNormAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        n = prod(call.ins[1].shape)
        return call.run(
            "pz_layer_norm_f32",
            call.x(0),
            call.x(1),
            call.x(2),
            call.y(),
            call.ins[0].size // n,
            n,
            call.literal(call.attrs.eps),
        )


OP = LayerNorm()
