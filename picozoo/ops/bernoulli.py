"""Coins: 1 with probability p, else 0. Also moves the state of the generator; see docs/chance.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._chance import STATE, Draw, draw_bernoulli
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


def _read(ctx: Any, state: Any, p: Any) -> Any:
    return ctx.emit("bernoulli", [ctx.ref(state), ctx.ref(p, "f32")])


class Bernoulli(Draw):
    name = "bernoulli"
    aten = {"picozoo.bernoulli.default": _read}
    cases = (
        Case((STATE, TensorType((7,))), low=-1.0, high=1.5),
        Case((STATE, TensorType((2, 3, 4))), low=0.0, high=1.0),
        Case((STATE, TensorType((5,))), low=0.0, high=1e-6),
    )

    def infer(self, ins: Types, attrs: Any) -> list[TensorType]:
        self.need_state(ins[0])
        if ins[1].dtype != "f32":
            raise Unsupported(f"bernoulli takes probabilities in f32, got {ins[1].dtype}")
        return [TensorType(ins[1].shape), STATE]

    def inplace_pairs(self, ins: Types, outs: Types, attrs: Any) -> list[tuple[int, int]]:
        return [(0, 1), (1, 0)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        return list(draw_bernoulli(*args))

    def emit(self, call: Any) -> str:
        return call.run("pz_bernoulli_f32", call.x(0), call.x(1), call.y(0), call.y(1), call.outs[0].size)


OP = Bernoulli()
