"""Normal numbers, mean 0 and variance 1. Also moves the state of the generator; see docs/chance.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops._chance import STATE, Draw, draw_gaussian, normal_table
from picozoo.ops._op import Case, Types
from picozoo.specs import TensorType


@dataclass(frozen=True)
class GaussianAttrs:
    """`shape`: of what is drawn."""

    shape: tuple[int, ...] = ()


def _read(ctx: Any, state: Any, shape: Any) -> Any:
    return ctx.emit("gaussian", [ctx.ref(state)], GaussianAttrs(tuple(int(d) for d in shape)))


class Gaussian(Draw):
    name = "gaussian"
    Attrs = GaussianAttrs
    aten = {"picozoo.gaussian.default": _read}
    cases = tuple(Case((STATE,), GaussianAttrs(shape)) for shape in ((7,), (2, 3, 4), ()))

    def infer(self, ins: Types, attrs: GaussianAttrs) -> list[TensorType]:
        self.need_state(ins[0])
        return [TensorType(attrs.shape), STATE]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GaussianAttrs) -> list[np.ndarray]:
        return list(draw_gaussian(args[0], attrs.shape))

    def emit(self, call: Any) -> str:
        table = call.tables.add("normal", normal_table(), "distances from the mean, in 1/8192")
        return call.run("pz_gaussian_f32", call.x(0), table, call.y(0), call.y(1), call.outs[0].size)


OP = Gaussian()
