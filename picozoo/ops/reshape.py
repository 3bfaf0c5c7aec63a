"""The same elements in the same order under another shape. Costs nothing: the output is the input's memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Types
from picozoo.ops._strided import Mover
from picozoo.specs import TensorType


@dataclass(frozen=True)
class ReshapeAttrs:
    shape: tuple[int, ...] = ()


def _read(ctx: Any, x: Any, *_: Any, **__: Any) -> Any:
    return ctx.emit("reshape", [ctx.ref(x)], ReshapeAttrs(ctx.out_shape))


def _tflite(ctx: Any) -> Any:
    """The shape is that of the output, which the file declares."""
    return ctx.reshape(ctx.ref(0), ctx.out().shape)


class Reshape(Mover):
    name = "reshape"
    Attrs = ReshapeAttrs
    aten = {
        f"{n}": _read
        for n in (
            "view.default",
            "reshape.default",
            "_unsafe_view.default",
            "flatten.using_ints",
            "unflatten.int",
            "squeeze.default",
            "squeeze.dim",
            "squeeze.dims",
            "unsqueeze.default",
            "view_copy.default",
        )
    }
    tflite = dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _tflite)
    cases = (
        Case((TensorType((2, 6)),), ReshapeAttrs((3, 4))),
        Case((TensorType((4,), "i8"),), ReshapeAttrs((1, 2, 2))),
    )

    def infer(self, ins: Types, attrs: ReshapeAttrs) -> list[TensorType]:
        if prod(attrs.shape) != ins[0].size:
            raise Unsupported(
                f"reshape from {list(ins[0].shape)} to {list(attrs.shape)} changes the number of elements"
            )
        return [TensorType(attrs.shape, ins[0].dtype)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: ReshapeAttrs) -> list[np.ndarray]:
        return [args[0].reshape(attrs.shape)]

    def inplace(self, ins: Types, outs: Types, attrs: ReshapeAttrs) -> tuple[int, ...]:
        return (0,)

    def emit(self, call: Any) -> str:
        if call.x(0, plain=True) == call.y(plain=True):
            return ""
        return call.run("pz_copy", call.y(), call.x(0), call.outs[0].nbytes, header="pz_base.h")


OP = Reshape()
