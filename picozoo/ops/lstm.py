"""The recurrent part of an LSTM over a whole sequence, in float. Gate order i, o, f, c, as ONNX; optional peepholes.

Inputs: g [T, B, 4H] (what the inputs and biases give to the gates), r [4H, H], h [B, H], c [B, H], p [3H] (peepholes
of i, o, f; zeros for none). Outputs: y [T, B, H], and h and c after the last step. Source: Hochreiter and Schmidhuber,
1997; Gers and Schmidhuber, 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._recurrent import clipped, sigmoid
from picozoo.specs import Target, TensorType


@dataclass(frozen=True)
class LstmAttrs:
    """`reverse`: from the last step to the first; `couple`: the forget gate is 1 - input gate; `clip`: limit of what
    goes into the gates, 0 for none."""

    reverse: bool = False
    couple: bool = False
    clip: float = 0.0


class Lstm(Op):
    name = "lstm"
    Attrs = LstmAttrs
    flash_inputs = (1, 4)
    cases = tuple(
        Case(
            (
                TensorType((t, b, 4 * h)),
                TensorType((4 * h, h)),
                TensorType((b, h)),
                TensorType((b, h)),
                TensorType((3 * h,)),
            ),
            a,
            constants=(1, 4),
        )
        for t, b, h, a in ((3, 2, 4, LstmAttrs()), (4, 1, 3, LstmAttrs(True, True, 0.7)))
    )

    def infer(self, ins: Types, attrs: LstmAttrs) -> list[TensorType]:
        g, r, h, c, p = ins
        n = r.shape[1] if r.rank == 2 else 0
        fits = g.rank == 3 and g.shape[2] == 4 * n and r.shape[:1] == (4 * n,) and n > 0 and g.shape[0] > 0
        if not fits or h.shape != c.shape or h.shape != (g.shape[1], n) or p.shape != (3 * n,):
            raise Unsupported(f"lstm: gates {list(g.shape)}, weights {list(r.shape)}, state {list(h.shape)}")
        return [TensorType((*g.shape[:2], n)), h, c]

    def macs(self, ins: Types, outs: Types, attrs: LstmAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * ins[1].size

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LstmAttrs) -> list[np.ndarray]:
        gates, r, h, c, p = args
        n, y = r.shape[1], np.zeros(outs[0].shape, np.float32)
        steps = range(len(gates))
        for t in reversed(steps) if attrs.reverse else steps:
            s = gates[t] + h @ r.T
            i = sigmoid(clipped(s[:, :n] + p[:n] * c, attrs.clip))
            f = 1 - i if attrs.couple else sigmoid(clipped(s[:, 2 * n : 3 * n] + p[2 * n :] * c, attrs.clip))
            c = f * c + i * np.tanh(clipped(s[:, 3 * n :], attrs.clip))
            o = sigmoid(clipped(s[:, n : 2 * n] + p[n : 2 * n] * c, attrs.clip))
            h = o * np.tanh(c)
            y[t] = h
        return [y, h, c]

    def scratch(self, ins: Types, outs: Types, attrs: LstmAttrs, target: Target) -> int:
        return 4 * ins[1].shape[0]

    def emit(self, call: Any) -> str:
        t, b, n = call.outs[0].shape
        a = call.attrs
        where = (*(call.x(i) for i in range(5)), *(call.y(i) for i in range(3)), call.scratch("pz_f32"))
        how = (int(a.reverse), int(a.couple), call.literal(a.clip or 3.4028234663852886e38))
        return call.run("pz_lstm_f32", *where, t, b, n, *how)


OP = Lstm()
