"""A gated recurrent unit over a whole sequence: (x, h) -> (y, h'). Gate order z, r, h, as ONNX.

Inputs: x [N, T, K] (see `_recurrent`), h [N, H], w [3H, K], r [3H, H], and the biases b and rb [3H] of their products.
Outputs: y [N, T, H], and h after the last step. Source: Cho et al., 2014. Integer form: see `_recurrent`.
Functions other than sigmoid and tanh: see `_gate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _recurrent as rec
from picozoo.ops._fixed_point import rounding_shift_right
from picozoo.ops._gate import Fixed, gates, most_of_rows
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import Target, TensorType, added


@dataclass(frozen=True)
class GruAttrs:
    """`after`: the reset gate multiplies the recurrent product, not the state before it (linear_before_reset); `clip`:
    limit of what goes into the gates, 0 for none; `acts`: functions of z and r, and of h, with `alpha` and `beta`."""

    time_major: bool = False
    reverse: bool = False
    after: bool = False
    clip: float = 0.0
    acts: tuple[str, ...] = added(("sigmoid", "tanh"))
    alpha: tuple[float, ...] = added(())
    beta: tuple[float, ...] = added(())


def _cases() -> tuple[Case, ...]:
    found = []
    for n, t, k, h, a in (
        (2, 3, 5, 4, GruAttrs()),
        (1, 4, 2, 3, GruAttrs(True, True, True, 0.7)),
        (2, 3, 3, 5, GruAttrs(True, False, True)),
        (1, 3, 4, 6, GruAttrs(False, True, False, 0.9, ("hardsigmoid", "softsign"), (0.2, 0.0), (0.5, 0.0))),
        (1, 3, 2, 4, GruAttrs(after=True, acts=("scaledtanh", "leakyrelu"), alpha=(0.8, 0.1), beta=(1.2, 0.0))),
    ):
        x = (t, n, k) if a.time_major else (n, t, k)
        shapes = (x, (n, h), (3 * h, k), (3 * h, h), (3 * h,), (3 * h,))
        found.append(Case(tuple(TensorType(s) for s in shapes), a, constants=(2, 3, 4, 5)))
        found += [rec.quantised(found[-1], 3, d, c) for d, c in (("i8", 2.0**-15), ("i16", 2.0**-13))]
    return tuple(found)


class Gru(Op):
    name = "gru"
    Attrs = GruAttrs
    quant_rule = "free"
    flash_inputs = (2, 3, 4, 5)
    cases = _cases()

    def infer(self, ins: Types, attrs: GruAttrs) -> list[TensorType]:
        if len(attrs.acts) != 2:
            raise Unsupported(f"gru: {len(attrs.acts)} activations; there must be 2")
        gates(attrs)
        return rec.sequence_shapes(self.name, ins, attrs, 3)

    def macs(self, ins: Types, outs: Types, attrs: GruAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * (ins[2].size + ins[3].size)

    def quant_inputs(self, ins: Types, attrs: GruAttrs) -> dict[int, str]:
        return {0: "act", 1: "act16", 2: "weight:0", 3: "weight:0", 4: "bias:0,2", 5: "bias:1,3"}

    def quant_outputs(self, outs: Types, attrs: GruAttrs) -> list[str]:
        return ["act", "act16"]

    def on_the_way(self, args: list[np.ndarray], outs: list[np.ndarray], attrs: GruAttrs) -> dict[int, np.ndarray]:
        return {1: outs[0]}

    def most_kept(self, ins: Types, outs: Types, attrs: GruAttrs) -> float | None:
        return rec.largest(outs[0])

    def lowers(self, ins: Types, outs: Types, attrs: GruAttrs) -> bool:
        return rec.lowers(ins, outs, attrs)

    def inplace_pairs(self, ins: Types, outs: Types, attrs: GruAttrs) -> list[tuple[int, int]]:
        return [(1, 1)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GruAttrs) -> list[np.ndarray]:
        step = self._step(args, attrs) if outs[0].quant is None else self._integer_step(args, ins, outs, attrs)
        return rec.run_steps(args[0], args[1], attrs, step)

    def _step(self, args: list[np.ndarray], attrs: GruAttrs) -> Any:
        w, r, b, rb = args[2:]
        n, (share, fresh) = r.shape[1], gates(attrs)

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            g = x @ w.T + b
            both = share(rec.clipped(g[:, : 2 * n] + h @ r[: 2 * n].T + rb[: 2 * n], attrs.clip))
            keep, reset = both[:, :n], both[:, n:]
            inner = (h if attrs.after else reset * h) @ r[2 * n :].T + rb[2 * n :]
            new = fresh(rec.clipped(g[:, 2 * n :] + (reset * inner if attrs.after else inner), attrs.clip))
            h = ((1 - keep) * new + keep * h).astype(np.float32)
            return h, h

        return step

    def _fixed(self, ins: Types, arrays: Sequence[np.ndarray], attrs: GruAttrs) -> tuple[list[Fixed], np.ndarray]:
        """The functions of z and r, and of h, and fraction bits of the sums of every row."""
        x, h, w, r = ins[:4]
        biases = [rec.real_bias(arrays[2], x, w), rec.real_bias(arrays[3], h, r)]
        parts = [(x, rec.real(arrays[0], w)), (h, rec.real(arrays[1], r))]
        most = np.minimum(most_of_rows(parts, biases, r.shape[1]), attrs.clip or np.inf)
        share, fresh = gates(attrs)
        bits = share.sum_bits(float(most[:2].max())), fresh.sum_bits(float(most[2]))
        fixed = [Fixed(share, bits[0], share=True, clip=attrs.clip), Fixed(fresh, bits[1], clip=attrs.clip)]
        return fixed, np.repeat([bits[0], bits[0], bits[1]], r.shape[1])

    def _integer_step(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: GruAttrs) -> Any:
        n, factors = ins[3].shape[1], rec.output_factors(ins[1], outs[0])
        (share, function), bits = self._fixed(ins, args[2:], attrs)
        rows_x, rows_h = rec.both_rows(ins, args[2:], bits)

        def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            g, h = rec.sat16(rows_x(x)), h.astype(np.int64)
            both = share(rec.sat16(g[:, : 2 * n] + rows_h(h, 0, 2 * n)))
            keep, reset = both[:, :n], both[:, n:]
            if attrs.after:
                inner = rounding_shift_right(reset * rec.sat16(rows_h(h, 2 * n)), share.out)
            else:
                inner = rows_h(rec.sat16(rounding_shift_right(reset * h, share.out)), 2 * n)
            new = function(rec.sat16(g[:, 2 * n :] + inner))
            fresh = rounding_shift_right(((1 << share.out) - keep) * new, share.out + function.out - factors[0])
            h = rec.sat16(fresh + rounding_shift_right(keep * h, share.out))
            return rec.output(h, factors, outs[0]), h

        return step

    def scratch(self, ins: Types, outs: Types, attrs: GruAttrs, target: Target) -> int:
        n = ins[1].shape[1]
        return 12 * n if outs[0].quant is None else 8 * n + rec.patch_bytes(ins, target)

    def emit(self, call: Any) -> str:
        a, u = call.attrs, call.ins[1].shape[1]
        t, n = call.ins[0].shape[:2] if a.time_major else call.ins[0].shape[1::-1]
        how = (n, t, call.ins[0].shape[2], u, int(a.time_major), int(a.reverse), int(a.after))
        if call.outs[0].quant is None:
            where = (*(call.x(i) for i in range(6)), call.y(0), call.y(1), call.scratch("pz_f32"))
            numbers = ", ".join(g.literal(call) for g in gates(a))
            return call.run("pz_gru_f32", *where, *how, call.literal(a.clip or 3.4028234663852886e38), numbers)
        values = [call.value(i) for i in range(2, 6)]
        fixed, bits = self._fixed(call.ins, values, a)
        kernel, tables = rec.kernel(call, rec.both_rows(call.ins, values, bits), 8 * u)
        functions = [g.literal(call, tag) for g, tag in zip(fixed, "fg", strict=True)]
        where = (call.x(0), call.x(1), *tables, *functions, call.y(0), call.y(1), call.scratch("pz_i16"))
        return call.run(kernel, *where, *how, *rec.output_factors(call.ins[1], call.outs[0]))


OP = Gru()
