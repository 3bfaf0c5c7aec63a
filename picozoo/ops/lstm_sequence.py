"""A whole sequence through a long short-term memory: (x, h, c) -> (y, h', c'). Gate order i, f, g, o.

x [N, T, K], or [T, N, K] with `time_major`; y likewise. There are two integer forms. With `cell` every step is that of
`lstm_cell`, with a factor for each row of the weights: what post-training quantisation uses. Without it the form is
that of LiteRT's reference kernels (8x8->16: logistic and tanh in gemmlowp's fixed point, one factor for each gate,
computed in float32). TensorFlow Lite Micro takes them from a table with 256 steps instead, so that its gates differ by
a few units in 32768; LiteRT is followed because it is what users compare with.

With int16 x, h and y, which LiteRT does not have, the form is TensorFlow Lite Micro's (16x8->16). Float x with int8
weights is LiteRT's hybrid form: x and h are quantised at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from picozoo.errors import Unsupported
from picozoo.ops import _hybrid
from picozoo.ops import _lstm16 as lstm16
from picozoo.ops import _matmul8 as m8
from picozoo.ops._fixed_point import (
    multiply_by_quantized_multiplier,
    quantize_array,
    quantize_multiplier,
    rounding_shift_right,
)
from picozoo.ops._gemmlowp16 import logistic16, tanh16
from picozoo.ops._op import Case, Op, Types
from picozoo.ops._recurrent import MOST_INT16, cells, run_steps
from picozoo.ops.lstm_cell import (
    MOST_CELL,
    fraction_bits,
    integer_scratch,
    integer_step,
    integer_tables,
    output_factors,
)
from picozoo.specs import QuantParams, Target, TensorType, added

_ABSENT = ("cell_to_input", "cell_to_forget", "cell_to_output"), ("projection", "projection_bias")


@dataclass(frozen=True)
class LstmSequenceAttrs:
    """`clip`: the cell stays within +-clip, 0 for no limit; `reverse`: from the last step to the first; `cell`: the
    integer form is that of `lstm_cell`; `asymmetric`: of the hybrid form, activations have a zero point."""

    time_major: bool = False
    clip: float = 0.0
    reverse: bool = added(False)
    cell: bool = added(False)
    asymmetric: bool = added(False)


def _tflite(ctx: Any) -> Any:
    """Inputs: x; weights of x, then of h, for i, f, g, o (1-8); peepholes (9-11); biases (12-15); projection; h, c."""
    for first, names in zip((9, 16), _ABSENT, strict=True):
        for k, name in enumerate(names):
            if ctx.has(first + k):
                raise Unsupported(f"{name} weights are not supported")
    if not ctx.has(1) or not ctx.has(5):
        raise Unsupported("a coupled input and forget gate is not supported")
    if any(ctx.has(i) for i in range(20, 24)):
        raise Unsupported("layer normalisation is not supported")
    if ctx.act != "tanh" or ctx.options["diagonal"]:
        raise Unsupported(
            f"activation {ctx.act}, diagonal weights: {ctx.options['diagonal']}; tanh and none are supported"
        )
    h, c = ctx.state(18), ctx.state(19)
    refs = [ctx.ref(0), h, c, _rows(ctx, 1), _rows(ctx, 5), _bias(ctx)]
    asymmetric = bool(ctx.options["asymmetric"]) and ctx.out().quant is None
    attrs = LstmSequenceAttrs(bool(ctx.options["time_major"]), float(ctx.options["cell_clip"]), asymmetric=asymmetric)
    y, new_h, new_c = ctx.emit_all("lstm_sequence", refs, attrs, [ctx.out(), ctx.type(h), ctx.type(c)])
    ctx.keep(h, new_h)
    ctx.keep(c, new_c)
    return y


def _rows(ctx: Any, first: int) -> Any:
    """The four gates' weights as one constant, with one scale for each row."""
    parts = [ctx.array(first + g, "LSTM weights") for g in range(4)]
    if len({p.shape for p in parts}) > 1 or parts[0].ndim != 2:
        raise Unsupported(f"LSTM weights of shapes {[list(p.shape) for p in parts]}")
    whole, types = np.concatenate(parts), [ctx.type(ctx.ref(first + g)) for g in range(4)]
    if any(t.quant is None for t in types):
        return ctx.const(whole, TensorType(whole.shape, types[0].dtype), ctx.hint(first))
    if any(not t.quant.per_tensor or t.quant.zero_point != (0,) for t in types):
        raise Unsupported("LSTM weights must be symmetric with one scale for each gate")
    n = len(parts[0])
    scales = tuple(t.quant.scale[0] for t in types for _ in range(n))
    return ctx.const(whole, TensorType(whole.shape, "i8", QuantParams(scales, (0,) * (4 * n), 0)), ctx.hint(first))


def _bias(ctx: Any) -> Any:
    whole = np.concatenate([ctx.array(12 + g, "LSTM bias") for g in range(4)])
    if whole.dtype == np.int64 and np.abs(whole).max(initial=0) < 1 << 31:
        whole = whole.astype(np.int32)
    if whole.dtype not in (np.int32, np.float32):
        raise Unsupported(f"LSTM bias of type {whole.dtype}")
    return ctx.const(whole, TensorType(whole.shape, "i32" if whole.dtype == np.int32 else "f32"), ctx.hint(12))


def _cases() -> tuple[Case, ...]:
    found = []
    for n, t, k, u, attrs in (
        (1, 4, 3, 5, LstmSequenceAttrs()),
        (2, 3, 6, 4, LstmSequenceAttrs(True, 0.4)),
        (2, 3, 2, 3, LstmSequenceAttrs(False, 3.0, True)),
        (2, 3, 7, 5, LstmSequenceAttrs(cell=True)),
        (2, 4, 5, 6, LstmSequenceAttrs(True, reverse=True, cell=True)),
    ):
        x = (t, n, k) if attrs.time_major else (n, t, k)
        y = (*x[:2], u)
        shapes = (x, (n, u), (n, u), (4 * u, k), (4 * u, u), (4 * u,))
        found.append(Case(tuple(TensorType(s) for s in shapes), attrs, constants=(3, 4, 5)))
        each = 1 if attrs.cell else u
        rows = QuantParams(
            tuple(float(np.float32(0.006 * (1 + r // each % 5))) for r in range(4 * u)), (0,) * (4 * u), 0
        )
        act, cell = QuantParams.tensor(1 / 100, 5), QuantParams.tensor(2.0**-11)
        types = (QuantParams.tensor(0.02, -3), act, cell, rows, rows, None)
        dtypes = ("i8", "i8", "i16", "i8", "i8", "i32")
        ins = tuple(TensorType(s, d, q) for s, d, q in zip(shapes, dtypes, types, strict=True))
        outs = (TensorType(y, "i8", act), ins[1], ins[2])
        found.append(Case(ins, attrs, outs, constants=(3, 4, 5), low=-5000, high=5000))
        act = QuantParams.tensor(1 / 32768)
        wide = (ins[0].with_(dtype="i16", quant=QuantParams.tensor(0.0001)), ins[1].with_(dtype="i16", quant=act))
        ins = (*wide, *ins[2:])
        outs = (TensorType(y, "i16", act), ins[1], ins[2])
        found.append(Case(ins, attrs, outs, constants=(3, 4, 5), low=-90000, high=90000))
    for n, asymmetric in ((1, False), (2, True)):
        weights = tuple(TensorType((16, k), "i8", QuantParams((0.01,) * 16, (0,) * 16, 0)) for k in (3, 4))
        hybrid = (TensorType((n, 3, 3)), TensorType((n, 4)), TensorType((n, 4)), *weights, TensorType((16,)))
        found.append(Case(hybrid, LstmSequenceAttrs(asymmetric=asymmetric), constants=(3, 4, 5)))
    return tuple(found)


def _sat16(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -32768, 32767)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class LstmSequence(Op):
    name = "lstm_sequence"
    Attrs = LstmSequenceAttrs
    quant_rule = "free"
    flash_inputs = (3, 4, 5)
    tflite = {"UNIDIRECTIONAL_SEQUENCE_LSTM": _tflite}
    cases = _cases()

    def infer(self, ins: Types, attrs: LstmSequenceAttrs) -> list[TensorType]:
        x, h, c, w_ih, w_hh, b = ins
        units = h.shape[-1] if h.rank else 0
        want = [(4 * units, x.shape[-1]), (4 * units, units), (4 * units,)]
        if (
            x.rank != 3
            or h.rank != 2
            or h.shape != c.shape
            or h.shape[0] != x.shape[int(attrs.time_major)]
            or [w_ih.shape, w_hh.shape, b.shape] != want
            or not x.size
        ):
            raise Unsupported(f"lstm_sequence: shapes {[list(t.shape) for t in ins]} do not belong together")
        return [TensorType((*x.shape[:2], units), h.dtype), TensorType(h.shape, h.dtype), TensorType(c.shape, c.dtype)]

    def macs(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> int:
        return ins[0].shape[0] * ins[0].shape[1] * (ins[3].size + ins[4].size)

    def quant_inputs(self, ins: Types, attrs: LstmSequenceAttrs) -> dict[int, str]:
        return {0: "act", 1: "act", 2: "act16", 3: "weight:0", 4: "weight:0", 5: "bias:0,3"}

    def quant_outputs(self, outs: Types, attrs: LstmSequenceAttrs) -> list[str]:
        return ["act", "act", "act16"]

    def quant_ties(self, attrs: LstmSequenceAttrs) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (1,), (0, 1)

    def on_the_way(self, args: list[np.ndarray], outs: list[np.ndarray], attrs: Any) -> dict[int, np.ndarray]:
        if args[3].dtype != np.float32:
            return {}
        step = self._step(args, attrs)
        return {2: run_steps(args[0], args[1:3], attrs, cells(lambda x, s: (None, step(x, *s))))[0]}

    def most_kept(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> float:
        return min(MOST_CELL, float(ins[0].shape[0 if attrs.time_major else 1]))  # a step adds 1 at the most

    def lowers(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> bool:
        x, h, c, w_ih, w_hh, b = ins
        if x.is_float and w_ih.dtype == w_hh.dtype == "i8":
            symmetric = all(w.quant is not None and not any(w.quant.zero_point) for w in (w_ih, w_hh))
            return symmetric and all(t.is_float for t in (h, c, b, *outs))
        if x.dtype == "i16":
            return self._lowers16(ins, outs)
        least = 0 if attrs.cell else 9
        cell = c.quant is not None and -np.log2(c.quant.scale[0]) in range(least, 16) and c.quant.zero_point == (0,)
        return (
            not (attrs.cell and attrs.clip)
            and x.dtype == h.dtype == w_ih.dtype == w_hh.dtype == outs[0].dtype == "i8"
            and c.dtype == "i16"
            and b.dtype == "i32"
            and cell
            and h.quant is not None
            and h.quant == outs[0].quant == outs[1].quant
            and c.quant == outs[2].quant
            and x.quant is not None
            and x.quant.per_tensor
        )

    def _lowers16(self, ins: Types, outs: Types) -> bool:
        x, h, c, w_ih, w_hh, b = ins
        if any(t.quant is None for t in (*ins[:5], *outs)) or not (
            w_ih.dtype == w_hh.dtype == "i8" and b.dtype == "i32"
        ):
            return False
        wide = all(t.dtype == "i16" and t.quant is not None and t.quant.zero_point == (0,) for t in (x, h, c, *outs))
        assert c.quant is not None
        small = max(x.shape[2], h.shape[1]) <= MOST_INT16
        power = float(-np.log2(c.quant.scale[0])) in range(16)
        return wide and small and power and h.quant == outs[0].quant == outs[1].quant and c.quant == outs[2].quant

    def inplace_pairs(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> list[tuple[int, int]]:
        return [(1, 1), (2, 2)]  # h' is written at the very end; the cell unit by unit

    def _rows(self, x: TensorType, w: TensorType) -> m8.Requant:
        """Requantisation of a row's accumulator to Q3.12; factors in float32."""
        assert x.quant is not None and w.quant is not None
        sx = np.float32(x.quant.scale[0])
        pairs = [quantize_multiplier(float(np.float32(s) * sx * np.float32(4096))) for s in w.quant.scale]
        m, s = np.array(pairs, np.int64).T
        return m8.Requant(m, s, x.quant.zero_point[0], 0, -32768, 32767)

    def _fixed(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> tuple[int, int, int, int, int]:
        """Fraction bits of the cell, its limit, factor and zero point of the output."""
        k, y, c = fraction_bits(ins[2]), outs[0].quant, ins[2].quant
        assert y is not None and c is not None
        limit = int(quantize_array(np.array(attrs.clip, np.float32), c.scale[0], 0, "i16")) if attrs.clip > 0 else 0
        return k, limit, *quantize_multiplier(float(np.float32(2.0**-30 / np.float32(y.scale[0])))), y.zero_point[0]

    def reference(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: Any) -> list[np.ndarray]:
        x, h, c = args[:3]
        steps = x if attrs.time_major else x.transpose(1, 0, 2)
        if outs[0].quant is None:
            step = self._step(args, attrs) if ins[3].is_float else self._hybrid_step(args, ins, attrs)
        elif outs[0].dtype == "i16":
            step = lstm16.integer_step(args, ins, outs, attrs.clip)
        else:
            step = integer_step(args, ins, outs) if attrs.cell else self._step8(args, ins, outs, attrs)
        made = []
        for v in steps[::-1] if attrs.reverse else steps:
            h, c = step(v, h, c)
            made.append(h)
        y = np.stack(made[::-1] if attrs.reverse else made)
        return [y if attrs.time_major else y.transpose(1, 0, 2), h, c]

    def _step(self, args: list[np.ndarray], attrs: LstmSequenceAttrs) -> Any:
        w_ih, w_hh, b = args[3:]

        def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            i, f, g, o = np.split(x @ w_ih.T + h @ w_hh.T + b, 4, -1)
            new = (_sigmoid(f) * c + _sigmoid(i) * np.tanh(g)).astype(np.float32)
            new = np.clip(new, -np.float32(attrs.clip), np.float32(attrs.clip)) if attrs.clip > 0 else new
            return (_sigmoid(o) * np.tanh(new)).astype(np.float32), new

        return step

    def _hybrid_step(self, args: list[np.ndarray], ins: Types, attrs: LstmSequenceAttrs) -> Any:
        w_ih, w_hh, b = args[3:]
        assert ins[3].quant is not None and ins[4].quant is not None
        scales = [np.broadcast_to(np.array(t.quant.scale, np.float32), b.shape) for t in ins[3:5] if t.quant]
        limit = np.float32(attrs.clip)

        def product(rows: np.ndarray, w: np.ndarray, scale: np.ndarray) -> np.ndarray:
            made = []
            for row in rows:
                q, s, zero = (_hybrid.asymmetric if attrs.asymmetric else _hybrid.symmetric)(row)
                made.append(((q - zero) @ w.astype(np.int64).T).astype(np.float32) * (s * scale))
            return np.stack(made)

        def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            i, f, g, o = np.split((b + product(x, w_ih, scales[0])) + product(h, w_hh, scales[1]), 4, -1)
            new = (_sigmoid(f) * c + _sigmoid(i) * np.tanh(g)).astype(np.float32)
            new = np.clip(new, -limit, limit) if limit > 0 else new
            return (_sigmoid(o) * np.tanh(new)).astype(np.float32), new

        return step

    def _step8(self, args: list[np.ndarray], ins: Types, outs: Types, attrs: LstmSequenceAttrs) -> Any:
        w_ih, w_hh, b = args[3:]
        k, limit, m, s, zero = self._fixed(ins, outs, attrs)
        rx, rh = self._rows(ins[0], ins[3]), self._rows(ins[1], ins[4])
        bx, bh = m8.folded_bias(w_ih, b, rx.x_zero), m8.folded_bias(w_hh, None, rh.x_zero)

        def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            first = rx.apply(x.astype(np.int64) @ w_ih.T.astype(np.int64) + bx)
            second = multiply_by_quantized_multiplier(
                h.astype(np.int64) @ w_hh.T.astype(np.int64) + bh, rh.multiplier, rh.shift
            )
            i, f, g, o = np.split(_sat16(first + second), 4, -1)
            new = rounding_shift_right(logistic16(f) * c, 15)
            new = _sat16(new + rounding_shift_right(logistic16(i) * tanh16(g), 30 - k))
            new = np.clip(new, -limit, limit) if limit else new
            y = multiply_by_quantized_multiplier(logistic16(o) * tanh16(new, 15 - k), m, s) + zero
            return np.clip(y, -128, 127), new

        return step

    def scratch(self, ins: Types, outs: Types, attrs: LstmSequenceAttrs, target: Target) -> int:
        if outs[0].quant is not None and attrs.cell:
            return integer_scratch(ins[0].shape[2], ins[1], target)
        if not ins[3].is_float and outs[0].quant is None:
            return 16 * ins[1].shape[1] + max(ins[0].shape[2], ins[1].shape[1])
        return 4 * ins[1].shape[1] * (4 if outs[0].quant is None else 2)

    def _scales(self, call: Any, i: int) -> str:
        """Table of the scales of the rows of weights."""
        rows = np.broadcast_to(np.array(call.ins[i].quant.scale, np.float32), (call.ins[i].shape[0],))
        return str(call.table(f"scales{i}", np.ascontiguousarray(rows)))

    def emit(self, call: Any) -> str:
        a, b = call.ins[0].shape[:2]
        n, t = (b, a) if call.attrs.time_major else (a, b)
        k, u = call.ins[0].shape[2], call.ins[1].shape[1]
        ins = [call.x(i) for i in range(3)]
        outs = [call.y(i) for i in range(3)]
        size = (n, t, k, u, int(call.attrs.time_major), int(call.attrs.reverse))
        if call.outs[0].quant is None:
            weights = [call.x(i) for i in range(3, 6)]
            clip = call.literal(float(call.attrs.clip))
            if not call.ins[3].is_float:
                scales = [self._scales(call, i) for i in (3, 4)]
                where = (*ins, *weights, *scales, *outs, call.scratch("pz_f32"))
                return str(call.run("pz_lstm_sequence_hybrid", *where, *size, int(call.attrs.asymmetric), clip))
            return str(call.run("pz_lstm_sequence_f32", *ins, *weights, *outs, call.scratch("pz_f32"), *size, clip))
        if call.outs[0].dtype == "i16":
            made16 = (*ins, *lstm16.tables(call), *outs, call.scratch("pz_i16"))
            return str(call.run("pz_lstm_sequence_i16", *made16, *size, *lstm16.fixed(call)))
        if call.attrs.cell:
            name = f"pz_lstm_sequence_i8_{'pair' if 'dsp' in call.target.features else 'cell'}"
            made = (*ins, *integer_tables(call), *outs, call.scratch("pz_i16"))
            return str(call.run(name, *made, *size, *output_factors(call.ins, call.outs)))
        w_ih, w_hh, bias = (call.value(i) for i in range(3, 6))
        tables = []
        for tag, x, w, part in (("x", 0, w_ih, bias), ("h", 1, w_hh, None)):
            r = self._rows(call.ins[x], call.ins[3 + x])
            tables += [
                call.x(3 + x),
                call.table(f"b{tag}", m8.folded_bias(w, part, r.x_zero).astype(np.int32)),
                call.table(f"m{tag}", r.multiplier.reshape(4, u)[:, 0].astype(np.int32)),
                call.table(f"s{tag}", r.shift.reshape(4, u)[:, 0].astype(np.int8)),
            ]
        fixed = self._fixed(call.ins, call.outs, call.attrs)
        return str(call.run("pz_lstm_sequence_i8", *ins, *tables, *outs, call.scratch("pz_i16"), *size, *fixed))


OP = LstmSequence()
