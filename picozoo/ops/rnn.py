"""A plain recurrent layer over a whole sequence: h' = f(w x + r h + b).

Inputs: x [N, T, K] (see `_recurrent`), h [N, H], w [H, K], r [H, H], b [H]. Outputs: y [N, T, H], and h after the last
step. Source: Elman, 1990. Integer form: see `_recurrent`; with relu the sums have the scale of the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.ops import _recurrent as rec
from picozoo.ops._fixed_point import rounding_shift_right
from picozoo.ops._gate import Fixed, Gate, most_of_rows
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType, added


@dataclass(frozen=True)
class RnnAttrs:
    """`act`: the function, see `_gate`, with its `alpha` and `beta`; `clip`: limit of what goes into it, 0 for none."""

    time_major: bool = False
    reverse: bool = False
    act: str = "tanh"
    clip: float = 0.0
    alpha: float = added(0.0)
    beta: float = added(0.0)

    @property
    def gate(self) -> Gate:
        """The function with its numbers."""
        return Gate(self.act, self.alpha, self.beta)


def _cases() -> tuple[Case, ...]:
    found = []
    for n, t, k, h, a in (
        (2, 3, 5, 4, RnnAttrs()),
        (1, 4, 2, 3, RnnAttrs(True, True, "relu", 0.7)),
        (2, 3, 4, 5, RnnAttrs(False, True, "relu")),
        (1, 2, 3, 2, RnnAttrs(True, False, "sigmoid")),
        (1, 3, 4, 2, RnnAttrs(act="elu", alpha=0.7)),
        (1, 3, 2, 4, RnnAttrs(act="thresholdedrelu", alpha=0.3)),
    ):
        x = (t, n, k) if a.time_major else (n, t, k)
        shapes = (x, (n, h), (h, k), (h, h), (h,))
        found.append(Case(tuple(TensorType(s) for s in shapes), a, constants=(2, 3, 4)))
        found += [rec.quantised(found[-1], 1, d, c) for d, c in (("i8", 2.0**-12), ("i16", 2.0**-15))]
    return tuple(found)


class Rnn(Op):
    name = "rnn"
    Attrs = RnnAttrs
    quant_rule = "free"
    flash_inputs = (2, 3, 4)
    cases = _cases()

    def infer(self, ins: Types, attrs: RnnAttrs) -> list[TensorType]:
        attrs.gate  # noqa: B018 - refuses a function that there is not
        return rec.sequence_shapes(self.name, ins, attrs, 1)

    def macs(self, ins: Types, outs: Types, attrs: RnnAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * (ins[2].size + ins[3].size)

    def quant_inputs(self, ins: Types, attrs: RnnAttrs) -> dict[int, str]:
        return {0: "act", 1: "act16", 2: "weight:0", 3: "weight:0", 4: "bias:0,2"}

    def quant_outputs(self, outs: Types, attrs: RnnAttrs) -> list[str]:
        return ["act", "act16"]

    def on_the_way(self, args: list[np.ndarray], outs: list[np.ndarray], attrs: RnnAttrs) -> dict[int, np.ndarray]:
        return {1: outs[0]}

    def most_kept(self, ins: Types, outs: Types, attrs: RnnAttrs) -> float | None:
        return rec.largest(outs[0])

    def lowers(self, ins: Types, outs: Types, attrs: RnnAttrs) -> bool:
        return rec.lowers(ins, outs, attrs)

    def inplace_pairs(self, ins: Types, outs: Types, attrs: RnnAttrs) -> list[tuple[int, int]]:
        return [(1, 1)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: RnnAttrs) -> list[np.ndarray]:
        step = self._step(args, attrs) if outs[0].quant is None else self._integer_step(args, ins, outs, attrs)
        return rec.run_steps(args[0], args[1], attrs, step)

    def _step(self, args: list[np.ndarray], attrs: RnnAttrs) -> Any:
        w, r, b = args[2:]
        act = attrs.gate

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            h = act(rec.clipped(x @ w.T + h @ r.T + b, attrs.clip)).astype(np.float32)
            return h, h

        return step

    def _fixed(self, ins: Types, arrays: Sequence[np.ndarray], attrs: RnnAttrs) -> Fixed:
        """The function of the sums. With relu they have the scale of the state, for beyond it nothing is kept."""
        x, h, w, r = ins[:4]
        parts = [(x, rec.real(arrays[0], w)), (h, rec.real(arrays[1], r))]
        most = float(most_of_rows(parts, [rec.real_bias(arrays[2], x, w)], r.shape[1])[0])
        bits = attrs.gate.sum_bits(min(most, attrs.clip or most))
        return Fixed(attrs.gate, rec.fraction_bits(h) if attrs.act == "relu" else bits, clip=attrs.clip)

    def _integer_step(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: RnnAttrs) -> Any:
        factors, function = rec.output_factors(ins[1], outs[0]), self._fixed(ins, args[2:], attrs)
        rows_x, rows_h = rec.both_rows(ins, args[2:], function.bits)

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            v = function(rec.sat16(rec.sat16(rows_x(x)) + rows_h(h)))
            down = function.out - factors[0]
            h = rec.sat16(rounding_shift_right(v << max(-down, 0), max(down, 0)))
            return rec.output(h, factors, outs[0]), h

        return step

    def scratch(self, ins: Types, outs: Types, attrs: RnnAttrs, target: Target) -> int:
        n = ins[1].shape[1]
        return 4 * n if outs[0].quant is None else 4 * ((n + 1) // 2) + rec.patch_bytes(ins, target)

    def emit(self, call: Any) -> str:
        a, u = call.attrs, call.ins[1].shape[1]
        t, n = call.ins[0].shape[:2] if a.time_major else call.ins[0].shape[1::-1]
        how = (n, t, call.ins[0].shape[2], u, int(a.time_major), int(a.reverse))
        if call.outs[0].quant is None:
            where = (*(call.x(i) for i in range(5)), call.y(0), call.y(1), call.scratch("pz_f32"))
            clip = call.literal(a.clip or 3.4028234663852886e38)
            return call.run("pz_rnn_f32", *where, *how, clip, a.gate.literal(call))
        values = [call.value(i) for i in range(2, 5)]
        function = self._fixed(call.ins, values, a)
        rows = rec.both_rows(call.ins, values, function.bits)
        kernel, tables = rec.kernel(call, rows, 4 * ((u + 1) // 2))
        where = (call.x(0), call.x(1), *tables, function.literal(call, "f"))
        made = (call.y(0), call.y(1), call.scratch("pz_i16"))
        return call.run(kernel, *where, *made, *how, *rec.output_factors(call.ins[1], call.outs[0]))


OP = Rnn()
