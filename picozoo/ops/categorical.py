"""One of several, each with a chance in proportion to its weight. Also moves the generator; see docs/chance.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._chance import STATE, Draw, draw_categorical
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


def _read(ctx: Any, state: Any, weights: Any) -> Any:
    return ctx.emit("categorical", [ctx.ref(state), ctx.ref(weights)])


class Categorical(Draw):
    name = "categorical"
    aten = {"picozoo.categorical.default": _read}
    cases = (
        Case((STATE, TensorType((9,))), low=-1.0, high=3.0),
        Case((STATE, TensorType((5, 4))), low=0.0, high=1.0),
        Case((STATE, TensorType((2, 3, 6), "i32")), low=-3, high=9),
        Case((STATE, TensorType((7, 3), "i32")), low=0, high=700000000),
        Case((STATE, TensorType((4,))), low=-2.0, high=0.0),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        self.need_state(ins[0])
        if ins[1].dtype not in ("f32", "i32") or not ins[1].rank or not ins[1].shape[-1]:
            raise Unsupported(
                f"categorical takes weights (..., k) in f32 or i32, got {ins[1].dtype}{list(ins[1].shape)}"
            )
        return [TensorType(ins[1].shape[:-1], "i32"), STATE]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return list(draw_categorical(*args))

    def emit(self, call: Any) -> str:
        kernel, k = f"pz_categorical_{call.ins[1].dtype}", call.ins[1].shape[-1]
        return call.run(kernel, call.x(0), call.x(1), call.y(0), call.y(1), call.outs[0].size, k)


OP = Categorical()
