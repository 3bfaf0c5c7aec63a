"""A whole sequence through an LSTM as ONNX has it, unusual forms included: (x, h, c) -> (y, h', c'). Gates i, f, g, o.

Inputs: x [N, T, K] (see `_recurrent`), h and c [N, H], w [4H, K], r [4H, H], b [4H] and, if there are peepholes, p
[3H]: what i, f and o see of the cell, o of the new one. With `couple` there is no f (w, r and b have 3H rows, p 2H):
what i does not take is kept. Outputs: y [N, T, H], and h and c after the last step. Plain LSTMs are `lstm_sequence`.

Source: Hochreiter and Schmidhuber, 1997; Gers and Schmidhuber, 2000. Integer form: y and h int8 or int16, the rest as
in `_recurrent`; the cell is int16 with a power-of-two scale, and peepholes are int16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _recurrent as rec
from picozoo.ops._fixed_point import multiply_by_quantized_multiplier, quantize_multiplier, rounding_shift_right
from picozoo.ops._gate import Fixed, gates, most_of_rows
from picozoo.ops._op import Case, Op, Types
from picozoo.specs import QuantParams, Target, TensorType

MOST_FACTOR = 1 - 2.0**-31  # of a peephole: a product with the cell must not be shifted out of 32 bits


@dataclass(frozen=True)
class LstmAttrs:
    """`acts`: functions of i, f and o, of g, and of the cell, with `alpha` and `beta` of each where they have them;
    `couple`: no gate f; `clip`: limit of what goes into the gates, 0 for none; `reverse`: from the last step on."""

    time_major: bool = False
    reverse: bool = False
    couple: bool = False
    clip: float = 0.0
    acts: tuple[str, ...] = ("sigmoid", "tanh", "tanh")
    alpha: tuple[float, ...] = ()
    beta: tuple[float, ...] = ()


def _with(f: str, g: str, end: str, alpha: Any, beta: Any, **more: Any) -> LstmAttrs:
    return LstmAttrs(acts=(f, g, end), alpha=alpha, beta=beta, **more)


def _cases() -> tuple[Case, ...]:
    found = []
    for n, t, k, h, peep, a in (
        (2, 3, 5, 4, True, LstmAttrs()),
        (1, 4, 3, 3, True, LstmAttrs(True, True, True, 0.7)),
        (2, 2, 4, 6, False, _with("hardsigmoid", "relu", "softsign", (0.2, 0, 0), (0.5, 0, 0), couple=True)),
        (1, 3, 2, 4, True, _with("softsign", "elu", "scaledtanh", (0, 0.7, 1.5), (0, 0, 0.4), reverse=True, clip=3.0)),
        (1, 3, 2, 2, False, _with("tanh", "softplus", "affine", (0, 0, 0.3), (0, 0, 0.1))),
    ):
        x, g = (t, n, k) if a.time_major else (n, t, k), 3 if a.couple else 4
        shapes = [x, (n, h), (n, h), (g * h, k), (g * h, h), (g * h,), *[((g - 1) * h,)] * peep]
        constants = tuple(range(3, len(shapes)))
        case = Case(tuple(TensorType(s) for s in shapes), a, constants=constants)
        found.append(case)
        for dtype, cell in (("i8", 2.0**-11), ("i16", 2.0**-13)):
            made = rec.quantised(replace(case, ins=tuple(case.ins[i] for i in (0, 1, 3, 4, 5))), g, dtype, cell)
            y = made.outs[0]
            state, c = TensorType((n, h), dtype, y.quant), made.outs[1]
            ins = [made.ins[0], state, c, *made.ins[2:]]
            ins += [TensorType(shapes[6], "i16", QuantParams.tensor(0.0001))] if peep else []
            found.append(Case(tuple(ins), a, (y, state, c), constants=constants, low=-5000, high=5000))
    return tuple(found)


class Lstm(Op):
    name = "lstm"
    Attrs = LstmAttrs
    quant_rule = "free"
    flash_inputs = (3, 4, 5, 6)
    cases = _cases()

    def infer(self, ins: Types, attrs: LstmAttrs) -> list[TensorType]:
        if len(attrs.acts) != 3:
            raise Unsupported(f"lstm: {len(attrs.acts)} activations; there must be 3")
        gates(attrs)
        x, h, c, w, r, b = ins[:6]
        count = 3 if attrs.couple else 4
        y, h = rec.sequence_shapes(self.name, (x, h, w, r, b), attrs, count)
        peep = [t.shape for t in ins[6:]]
        if c.shape != h.shape or peep not in ([], [((count - 1) * h.shape[1],)]):
            raise Unsupported(f"lstm: state {list(h.shape)}, cell {list(c.shape)}, peepholes {[list(s) for s in peep]}")
        return [y, h, TensorType(c.shape, c.dtype)]

    def macs(self, ins: Types, outs: Types, attrs: LstmAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * (ins[3].size + ins[4].size + (ins[6].size if ins[6:] else 0))

    def quant_inputs(self, ins: Types, attrs: LstmAttrs) -> dict[int, str]:
        kinds = {0: "act", 1: "act", 2: "act16", 3: "weight:0", 4: "weight:0", 5: "bias:0,3"}
        return kinds | ({6: "const16"} if len(ins) > 6 else {})

    def quant_outputs(self, outs: Types, attrs: LstmAttrs) -> list[str]:
        return ["act", "act", "act16"]

    def quant_ties(self, attrs: LstmAttrs) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (1,), (0, 1)

    def on_the_way(self, args: list[np.ndarray], outs: list[np.ndarray], attrs: LstmAttrs) -> dict[int, np.ndarray]:
        return {2: rec.run_steps(args[0], (args[1], args[2]), attrs, rec.cells(self._step(args, attrs)))[0]}

    def lowers(self, ins: Types, outs: Types, attrs: LstmAttrs) -> bool:
        x, h, c, w, r, b = ins[:6]
        if any(t.quant is None or not t.quant.per_tensor for t in (h, c, *outs, *ins[6:])):
            return False
        wide = all(t.dtype == "i16" for t in ins[6:])
        same = h.dtype == outs[0].dtype == outs[1].dtype and h.quant == outs[0].quant == outs[1].quant
        return wide and same and rec.lowers((x, c, w, r, b), (outs[0], outs[2]), attrs)

    def inplace_pairs(self, ins: Types, outs: Types, attrs: LstmAttrs) -> list[tuple[int, int]]:
        return [(1, 1), (2, 2)]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LstmAttrs) -> list[np.ndarray]:
        step = self._step(args, attrs) if outs[0].quant is None else self._integer_step(args, ins, outs, attrs)
        y, (h, c) = rec.run_steps(args[0], (args[1], args[2]), attrs, step)
        return [y, h, c]

    def _step(self, args: list[np.ndarray], attrs: LstmAttrs) -> Any:
        w, r, b = args[3:6]
        n, (f, g, end) = r.shape[1], gates(attrs)
        p = np.split(args[6], len(args[6]) // n) if args[6:] else [np.zeros(n, np.float32)] * 3

        def step(x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
            h, c = state
            s = np.split(x @ w.T + h @ r.T + b, len(b) // n, -1)
            part = f(rec.clipped(s[0] + p[0] * c, attrs.clip))
            keep = 1 - part if attrs.couple else f(rec.clipped(s[1] + p[1] * c, attrs.clip))
            c = (keep * c + part * g(rec.clipped(s[-2], attrs.clip))).astype(np.float32)
            h = (f(rec.clipped(s[-1] + p[-1] * c, attrs.clip)) * end(c)).astype(np.float32)
            return h, (h, c)

        return step

    def _fixed(self, ins: Types, arrays: list[np.ndarray], attrs: LstmAttrs) -> tuple[list[Fixed], np.ndarray]:
        """The three functions, and fraction bits of the sums of every row."""
        x, h, c, w, r = ins[:5]
        n, count = h.shape[1], w.shape[0] // h.shape[1]
        real = [rec.real(a, t) for a, t in zip(arrays, (w, r), strict=False)]
        biases = [rec.real_bias(arrays[2], x, w)]
        if ins[6:]:
            p, reach = rec.real(arrays[3], ins[6]), 32768 * c.quant.scale[0]  # type: ignore[union-attr]
            at = np.r_[: n * (count - 2), n * (count - 1) : n * count]
            biases.append(np.zeros(count * n))
            biases[1][at] = p * reach
        most = most_of_rows([(x, real[0]), (h, real[1])], biases, n)
        f, g, end = gates(attrs)
        shares = float(max(most[k] for k in range(count) if k != count - 2))
        bits = [f.sum_bits(min(shares, attrs.clip or shares)), g.sum_bits(min(most[-2], attrs.clip or most[-2]))]
        fixed = [Fixed(f, bits[0], share=True, clip=attrs.clip), Fixed(g, bits[1], clip=attrs.clip)]
        each = np.full(count, bits[0])
        each[-2] = bits[1]
        return [*fixed, Fixed(end, rec.fraction_bits(c))], np.repeat(each, n)

    def _factors(self, ins: Types, outs: Types, fixed: list[Fixed]) -> tuple[int, ...]:
        """Fraction bits of the cell, factor and shift of peepholes, factor, shift and zero point of y."""
        k, y = rec.fraction_bits(ins[2]), outs[0].quant
        assert y is not None
        peep = ins[6].quant.scale[0] * 2.0 ** (fixed[0].bits - k) if ins[6:] and ins[6].quant else 0.0
        gain = 2.0 ** -(fixed[0].out + fixed[2].out) / y.scale[0]
        return k, *quantize_multiplier(min(peep, MOST_FACTOR)), *quantize_multiplier(gain), y.zero_point[0]

    def _integer_step(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LstmAttrs) -> Any:
        n, (fixed, bits) = ins[4].shape[1], self._fixed(ins, args[3:], attrs)
        k, mp, sp, m, shift, zero = self._factors(ins, outs, fixed)
        f, g, end = fixed
        rows_x, rows_h = rec.both_rows(self._rows_of(ins), args[3:6], bits)
        p = np.split(args[6].astype(np.int64), len(args[6]) // n) if args[6:] else []
        info = np.iinfo(outs[0].numpy)

        def share(s: np.ndarray, at: int, c: np.ndarray) -> np.ndarray:
            seen = multiply_by_quantized_multiplier(p[at] * c, mp, sp) if p else 0
            return f(rec.sat16(s + seen))

        def step(x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
            h, c = state[0].astype(np.int64), state[1].astype(np.int64)
            s = np.split(rec.sat16(rec.sat16(rows_x(x)) + rows_h(h)), ins[3].shape[0] // n, -1)
            part = share(s[0], 0, c)
            keep = (1 << f.out) - part if attrs.couple else share(s[1], 1, c)
            fresh = rounding_shift_right(part * g(s[-2]), f.out + g.out - k)
            c = rec.sat16(rounding_shift_right(keep * c, f.out) + fresh)
            y = multiply_by_quantized_multiplier(share(s[-1], -1, c) * end(c), m, shift) + zero
            h = np.clip(y, info.min, info.max)
            return h, (h, c)

        return step

    @staticmethod
    def _rows_of(ins: Types) -> Types:
        """What `_recurrent` knows rows by: x, state, and both weights."""
        return ins[0], ins[1], ins[3], ins[4]

    def scratch(self, ins: Types, outs: Types, attrs: LstmAttrs, target: Target) -> int:
        rows = ins[3].shape[0]
        return 4 * rows if outs[0].quant is None else 4 * ((rows + 1) // 2) + rec.patch_bytes(ins, target)

    def emit(self, call: Any) -> str:
        a, u = call.attrs, call.ins[1].shape[1]
        t, n = call.ins[0].shape[:2] if a.time_major else call.ins[0].shape[1::-1]
        how = (n, t, call.ins[0].shape[2], u, int(a.time_major), int(a.reverse), int(a.couple))
        peep, ys = call.x(6) if call.ins[6:] else "NULL", [call.y(i) for i in range(3)]
        if call.outs[0].quant is None:
            where = (*(call.x(i) for i in range(6)), peep, *ys, call.scratch("pz_f32"))
            numbers = ", ".join(g.literal(call) for g in gates(a))
            return call.run("pz_lstm_f32", *where, *how, call.literal(a.clip or 3.4028234663852886e38), numbers)
        values = [call.value(i) for i in range(3, len(call.ins))]
        fixed, bits = self._fixed(call.ins, values, a)
        rows = rec.both_rows(self._rows_of(call.ins), values[:3], bits)
        kernel, tables = rec.kernel(call, rows, 4 * ((len(bits) + 1) // 2))
        functions = [g.literal(call, tag) for g, tag in zip(fixed, "fgc", strict=True)]
        where = (*(call.x(i) for i in range(3)), *tables, peep, *functions, *ys, call.scratch("pz_i16"))
        return call.run(kernel, *where, *how, *self._factors(call.ins, call.outs, fixed))


OP = Lstm()
