"""The recurrent part of a gated recurrent unit over a whole sequence, in float. Gate order z, r, h, as ONNX.

Inputs: g [T, B, 3H] (what the inputs and biases give to the gates), r [3H, H], rb [H] (bias inside the reset, used with
`after`), h [B, H]. Outputs: y [T, B, H], and h after the last step. Source: Cho et al., 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops.lstm import clipped, sigmoid
from picozoo.specs import Target, TensorType


@dataclass(frozen=True)
class GruAttrs:
    """`after`: the reset gate multiplies the recurrent product, not the state before it (linear_before_reset)."""

    reverse: bool = False
    after: bool = False
    clip: float = 0.0


class Gru(Op):
    name = "gru"
    Attrs = GruAttrs
    flash_inputs = (1, 2)
    cases = tuple(
        Case(
            (TensorType((t, b, 3 * h)), TensorType((3 * h, h)), TensorType((h,)), TensorType((b, h))),
            a,
            constants=(1, 2),
        )
        for t, b, h, a in ((3, 2, 4, GruAttrs()), (4, 1, 3, GruAttrs(True, True, 0.7)))
    )

    def infer(self, ins: Types, attrs: GruAttrs) -> list[TensorType]:
        g, r, rb, h = ins
        n = r.shape[1] if r.rank == 2 else 0
        fits = g.rank == 3 and g.shape[2] == 3 * n and r.shape[:1] == (3 * n,) and n > 0 and g.shape[0] > 0
        if not fits or h.shape != (g.shape[1], n) or rb.shape != (n,):
            raise Unsupported(f"gru: gates {list(g.shape)}, weights {list(r.shape)}, state {list(h.shape)}")
        return [TensorType((*g.shape[:2], n)), h]

    def macs(self, ins: Types, outs: Types, attrs: GruAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * ins[1].size

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GruAttrs) -> list[np.ndarray]:
        gates, w, rb, h = args
        n, y = w.shape[1], np.zeros(outs[0].shape, np.float32)
        steps = range(len(gates))
        for t in reversed(steps) if attrs.reverse else steps:
            z, r = (
                sigmoid(clipped(gates[t][:, k * n : (k + 1) * n] + h @ w[k * n : (k + 1) * n].T, attrs.clip))
                for k in (0, 1)
            )
            inner = r * (h @ w[2 * n :].T + rb) if attrs.after else (r * h) @ w[2 * n :].T
            new = np.tanh(clipped(gates[t][:, 2 * n :] + inner, attrs.clip))
            h = (1 - z) * new + z * h
            y[t] = h
        return [y, h]

    def scratch(self, ins: Types, outs: Types, attrs: GruAttrs, target: Target) -> int:
        return 4 * ins[1].shape[0]

    def emit(self, call: Any) -> str:
        (t, b, n), a = call.outs[0].shape, call.attrs
        where = (*(call.x(i) for i in range(4)), call.y(0), call.y(1), call.scratch("pz_f32"))
        how = (int(a.reverse), int(a.after), call.literal(a.clip or 3.4028234663852886e38))
        return call.run("pz_gru_f32", *where, t, b, n, *how)


OP = Gru()
