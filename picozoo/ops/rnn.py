"""The recurrent part of a plain recurrent layer over a whole sequence, in float: h' = f(g + r h).

Inputs: g [T, B, H] (what the inputs and biases give), r [H, H], h [B, H]. Outputs: y [T, B, H], and h after the last
step. Source: Elman, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops.lstm import clipped, sigmoid
from picozoo.specs import Target, TensorType

ACTS = ("tanh", "relu", "sigmoid")


@dataclass(frozen=True)
class RnnAttrs:
    """`act`: tanh, relu or sigmoid."""

    reverse: bool = False
    act: str = "tanh"
    clip: float = 0.0


class Rnn(Op):
    name = "rnn"
    Attrs = RnnAttrs
    flash_inputs = (1,)
    cases = tuple(
        Case((TensorType((t, b, h)), TensorType((h, h)), TensorType((b, h))), a, constants=(1,))
        for t, b, h, a in (
            (3, 2, 4, RnnAttrs()),
            (4, 1, 3, RnnAttrs(True, "relu", 0.7)),
            (2, 1, 2, RnnAttrs(False, "sigmoid")),
        )
    )

    def infer(self, ins: Types, attrs: RnnAttrs) -> list[TensorType]:
        g, r, h = ins
        n = r.shape[1] if r.rank == 2 else 0
        if g.rank != 3 or g.shape[2] != n or r.shape != (n, n) or n < 1 or h.shape != (g.shape[1], n) or not g.size:
            raise Unsupported(f"rnn: inputs {list(g.shape)}, weights {list(r.shape)}, state {list(h.shape)}")
        if attrs.act not in ACTS:
            raise Unsupported(f"rnn with activation {attrs.act!r}; use {', '.join(ACTS)}")
        return [TensorType(g.shape), h]

    def macs(self, ins: Types, outs: Types, attrs: RnnAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * ins[1].size

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: RnnAttrs) -> list[np.ndarray]:
        gates, r, h = args
        act: Any = {"tanh": np.tanh, "relu": lambda v: np.maximum(v, 0), "sigmoid": sigmoid}[attrs.act]
        y, steps = np.zeros(outs[0].shape, np.float32), range(len(gates))
        for t in reversed(steps) if attrs.reverse else steps:
            h = act(clipped(gates[t] + h @ r.T, attrs.clip))
            y[t] = h
        return [y, h]

    def scratch(self, ins: Types, outs: Types, attrs: RnnAttrs, target: Target) -> int:
        return 4 * ins[1].shape[0]

    def emit(self, call: Any) -> str:
        (t, b, n), a = call.outs[0].shape, call.attrs
        where = (*(call.x(i) for i in range(3)), call.y(0), call.y(1), call.scratch("pz_f32"))
        how = (int(a.reverse), ACTS.index(a.act), call.literal(a.clip or 3.4028234663852886e38))
        return call.run("pz_rnn_f32", *where, t, b, n, *how)


OP = Rnn()
