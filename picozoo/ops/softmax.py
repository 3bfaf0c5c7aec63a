"""Softmax over one dimension, or its logarithm. Float only: quantisation leaves it in float."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types, norm_axis
from picozoo.specs import TensorType


@dataclass(frozen=True)
class SoftmaxAttrs:
    axis: int = 0
    log: bool = False


def _read(log: bool) -> Any:
    def read(ctx: Any, x: Any, dim: int, *_: Any, **__: Any) -> Any:
        x = ctx.ref(x, "f32")
        return ctx.emit("softmax", [x], SoftmaxAttrs(norm_axis(dim, ctx.type(x).rank), log))

    return read


class Softmax(Op):
    name = "softmax"
    Attrs = SoftmaxAttrs
    aten = {
        "softmax.int": _read(False),
        "_softmax.default": _read(False),
        "log_softmax.int": _read(True),
        "_log_softmax.default": _read(True),
    }
    cases = (
        Case((TensorType((2, 5)),), SoftmaxAttrs(1), low=-20, high=20),
        Case((TensorType((2, 5, 3)),), SoftmaxAttrs(1, True)),
    )

    def infer(self, ins: Types, attrs: SoftmaxAttrs) -> list[TensorType]:
        norm_axis(attrs.axis, ins[0].rank)
        if ins[0].dtype != "f32":
            raise Unsupported(f"softmax takes f32, got {ins[0].dtype}")
        return [ins[0]]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: SoftmaxAttrs) -> list[np.ndarray]:
        x = args[0] - args[0].max(attrs.axis, keepdims=True)
        e = np.exp(x)
        total = e.sum(attrs.axis, keepdims=True)
        return [x - np.log(total) if attrs.log else e / total]

    def inplace(self, ins: Types, outs: Types, attrs: SoftmaxAttrs) -> tuple[int, ...]:
        return (0,)

    def permute(self, attrs: SoftmaxAttrs, ins: Types, perm: tuple[int, ...]) -> SoftmaxAttrs:
        return SoftmaxAttrs(perm[attrs.axis], attrs.log)

    def emit(self, call: Any) -> str:
        s, a = call.ins[0].shape, call.attrs.axis
        return call.run(
            "pz_log_softmax_f32" if call.attrs.log else "pz_softmax_f32",
            call.x(0),
            call.y(),
            prod(s[:a]),
            s[a] if s else 1,
            prod(s[a + 1 :]),
            header="pz_softmax.h",
        )


OP = Softmax()
