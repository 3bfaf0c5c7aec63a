"""Even chance between 0 and 1, in steps of 2^-24. Also moves the state of the generator; see docs/chance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._chance import STATE, Draw, draw_uniform
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class UniformAttrs:
    """`shape`: of what is drawn."""

    shape: tuple[int, ...] = ()


def _read(ctx: Any, state: Any, shape: Any) -> Any:
    return ctx.emit("uniform", [ctx.ref(state)], UniformAttrs(tuple(int(d) for d in shape)))


class Uniform(Draw):
    name = "uniform"
    Attrs = UniformAttrs
    aten = {"picozoo.uniform.default": _read}
    cases = tuple(Case((STATE,), UniformAttrs(shape)) for shape in ((7,), (2, 3, 4), ()))

    def infer(self, ins: Types, attrs: UniformAttrs) -> list[TensorType]:
        self.need_state(ins[0])
        return [TensorType(attrs.shape), STATE]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: UniformAttrs) -> list[np.ndarray]:
        return list(draw_uniform(args[0], attrs.shape))

    def emit(self, call: Any) -> str:
        return call.run("pz_uniform_f32", call.x(0), call.y(0), call.y(1), call.outs[0].size)


OP = Uniform()
